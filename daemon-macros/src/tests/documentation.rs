//! The documentation says what the attribute does.

use std::fs;
use std::path::Path;

use proc_macro2::TokenStream;

use super::expand;
use crate::option_table::OPTIONS;

const DOCUMENTATION: &str = include_str!("../attribute.md");

#[test]
fn every_option_has_its_section_and_there_is_no_other() {
    let sections = DOCUMENTATION
        .lines()
        .filter_map(|line| line.strip_prefix("## "));
    let names = OPTIONS.iter().map(|option| format!("`{}`", option.name));
    assert_eq!(sections.collect::<Vec<_>>(), names.collect::<Vec<_>>());
}

#[test]
fn every_example_expands_to_the_calls_that_are_told_to_be_equivalent() {
    let blocks = DOCUMENTATION
        .split("```")
        .skip(1)
        .step_by(2)
        .collect::<Vec<_>>();
    for example in blocks.chunks(2) {
        let [written, equivalent] = example else {
            unreachable!("examples come in pairs");
        };
        let (written, equivalent) = (code(written), code(equivalent));
        let told = equivalent.parse::<TokenStream>().expect("it is tokens");
        assert_eq!(calls(&expand(&written)), calls(&told), "{written}");
    }
}

/// A block without its first line, which says how it is tested, and without what hides lines.
fn code(block: &str) -> String {
    let lines = block.lines().skip(1);
    lines
        .map(|line| line.strip_prefix("# ").unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The calls of the builder, with paths shortened to how a person writes them, and without the
/// switch where it is the usual one.
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
