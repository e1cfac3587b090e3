//! The documentation says what the attribute does.

use std::fs;
use std::path::Path;

use proc_macro2::TokenStream;

use super::expand;
use crate::option_table::OPTIONS;
use crate::value::readiness::MODES;
use crate::value::words::VERBS;

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
        .replace(":: std :: time :: ", "")
        .replace(":: daemon", "daemon")
        .replace(r#". background_flag (["-d" , "--background"])"#, "")
        .split_whitespace()
        .collect()
}

/// The cells of the first column of the table whose head begins so, without backticks and quotes.
fn first_column<'a>(page: &'a str, head: &str) -> Vec<&'a str> {
    let lines = page.lines().skip_while(|line| !line.starts_with(head));
    let rows = lines.skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let words = cells.flat_map(|cell| cell.trim().split(", "));
    words.map(|word| word.trim_matches(['`', '"'])).collect()
}

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    fs::read_to_string(path).expect("the page is readable")
}

#[test]
fn readme_names_only_options_that_exist() {
    let readme = page("README.md");
    let listed = first_column(&readme, "| option |");
    assert!(listed.len() >= 10, "{listed:?}");
    for name in listed {
        assert!(OPTIONS.iter().any(|option| option.name == name), "{name}");
    }
}

#[test]
fn tables_have_every_verb() {
    for name in [
        "README.md",
        "docs/control.md",
        "daemon-macros/src/attribute.md",
    ] {
        assert_eq!(first_column(&page(name), "| verb |"), VERBS, "{name}");
    }
    let readme = page("README.md");
    let mut rows = readme.lines();
    let row = rows.find(|line| line.starts_with("| `control_flag` |"));
    let words = format!("`{}`", VERBS.join("`, `"));
    assert!(row.is_some_and(|row| row.contains(&words)), "{row:?}");
}

#[test]
fn tables_have_every_readiness_mode() {
    let readme = page("README.md");
    let listed = first_column(&readme, "| `ready` | `-d` ");
    for mode in MODES {
        assert!(listed.contains(&mode), "{mode}: {listed:?}");
        let section = format!("\n## `{mode}`");
        assert!(page("docs/readiness.md").contains(&section), "{mode}");
        let item = format!("\n- `\"{mode}\"`:");
        assert!(DOCUMENTATION.contains(&item), "{mode}");
    }
}
