//! The compile errors of the attribute, and what it accepts.

use std::fs;
use std::io;
use std::path::Path;

const FAMILIES: [&str; 6] = ["options", "values", "flags", "rules", "function", "several"];

/// One `cargo check` compiles them all; with a program that has to run beside them it would be one for
/// each.
#[test]
fn compile_errors_match_their_files() {
    let cases = trybuild::TestCases::new();
    for family in FAMILIES {
        cases.compile_fail(format!("tests/ui/{family}/*.rs"));
    }
}

#[test]
fn accepted_programs_run() {
    trybuild::TestCases::new().pass("tests/ui/pass/*.rs");
}

#[test]
fn messages_have_one_style() -> io::Result<()> {
    for message in messages()? {
        assert!(!message.starts_with(char::is_uppercase), "{message}");
        assert!(!message.ends_with(['.', '!']), "{message}");
        assert_eq!(message.matches('`').count() % 2, 0, "{message}");
        assert!(!message.contains("  "), "{message}");
    }
    Ok(())
}

/// The position of a message follows its first line, so a second line would be between them.
#[test]
fn compiler_adds_nothing_to_a_message() -> io::Result<()> {
    for text in reports()? {
        for (line, next) in text.lines().zip(text.lines().skip(1)) {
            let is_ours = line.starts_with("error: ");
            let is_source = line.starts_with([' ', '.']) || line.contains(" | ");
            assert!(is_ours || is_source || line.is_empty(), "{line}");
            assert_eq!(is_ours, next.trim_start().starts_with("--> "), "{line}");
        }
    }
    Ok(())
}

fn messages() -> io::Result<Vec<String>> {
    let reports = reports()?;
    let lines = reports.iter().flat_map(|report| report.lines());
    let messages = lines.filter_map(|line| line.strip_prefix("error: "));
    Ok(messages.map(str::to_owned).collect())
}

fn reports() -> io::Result<Vec<String>> {
    let ui = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let mut reports = Vec::new();
    for family in FAMILIES {
        for entry in fs::read_dir(ui.join(family))? {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "stderr")
            {
                reports.push(fs::read_to_string(path)?);
            }
        }
    }
    assert!(!reports.is_empty());
    Ok(reports)
}
