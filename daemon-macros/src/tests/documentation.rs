//! The documentation says what the attribute does.

use std::fs;
use std::path::Path;

use proc_macro2::TokenStream;

use super::expand;
use crate::option_table::OPTIONS;

const DOCUMENTATION: &str = include_str!("../attribute.md");

#[test]
fn every_option_has_its_section() {
    let sections = DOCUMENTATION
        .lines()
        .filter_map(|line| line.strip_prefix("### "));
    let names = OPTIONS.iter().map(|option| format!("`{}`", option.name));
    assert_eq!(sections.collect::<Vec<_>>(), names.collect::<Vec<_>>());
}

#[test]
fn every_section_has_an_example() {
    for section in DOCUMENTATION.split("### `").skip(1) {
        let (name, text) = section.split_once('`').expect("a name in backticks");
        let examples = blocks(text);
        assert!(
            examples
                .iter()
                .any(|code| code.contains(&format!("{name} ="))),
            "{name}"
        );
    }
}

#[test]
fn examples_expand_as_documented() {
    let mut examples = blocks(DOCUMENTATION).into_iter().peekable();
    while let Some(example) = examples.next() {
        let output = expand(&example);
        assert!(!output.to_string().contains("compile_error"), "{example}");
        if let Some(builder) = examples.next_if(|code| code.contains("Daemon::new()")) {
            let documented = builder.parse::<TokenStream>().expect("it is tokens");
            assert_eq!(calls(&output), calls(&documented), "{example}");
        }
    }
}

/// The code blocks of a page.
fn blocks(page: &str) -> Vec<String> {
    page.split("```").skip(1).step_by(2).map(code).collect()
}

/// A block without its first line, which says how it is tested, and with its hidden lines.
fn code(block: &str) -> String {
    let lines = block.lines().skip(1);
    lines
        .map(|line| line.strip_prefix("# ").unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The calls of the builder with short paths, and without the default switch.
fn calls(output: &TokenStream) -> String {
    let output = output.to_string();
    let (_, calls) = output
        .split_once("Daemon :: new ()")
        .expect("it makes a builder");
    let (calls, _) = calls.split_once(". enter ()").expect("it enters");
    calls
        .replace(":: core :: time :: ", "")
        .replace(":: daemon", "daemon")
        .replace(r#". background_flag (["-d" , "--background"])"#, "")
        .split_whitespace()
        .collect()
}

/// The first column of the table that is headed `option`.
#[test]
fn readme_names_only_options_that_exist() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(path).expect("the README is readable");
    let listed = readme
        .lines()
        .map(|line| line.split('|').nth(1).unwrap_or_default().trim())
        .skip_while(|cell| *cell != "option")
        .skip(2)
        .take_while(|cell| !cell.is_empty())
        .map(|cell| cell.trim_matches('`'))
        .collect::<Vec<_>>();
    assert!(listed.len() >= 10, "{listed:?}");
    for name in listed {
        assert!(OPTIONS.iter().any(|option| option.name == name), "{name}");
    }
}
