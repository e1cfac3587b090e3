//! What is true of every option in the table.

use super::with_options;
use crate::check::EXCLUSIVE;
use crate::option_table::{CRATE, OPTIONS, OptionSpec};

fn usages() -> impl Iterator<Item = (&'static OptionSpec, String)> {
    OPTIONS.iter().map(|option| (option, option.usage()))
}

#[test]
fn every_usage_is_accepted() {
    // All at once, because some need others, but for those that exclude each other.
    for excluded in [0, 1].map(|index| EXCLUSIVE.map(|pair| pair[index])) {
        let usages = usages().filter(|(option, _)| !excluded.contains(&option.name));
        let (options, usages): (Vec<_>, Vec<_>) = usages.unzip();
        let output = with_options(&usages.join(", "));
        assert!(!output.contains("compile_error"), "{output}");
        for option in options.iter().filter(|option| option.name != CRATE) {
            let method = format!(". {} (", option.name);
            assert!(output.contains(&method), "{output}");
        }
    }
}

#[test]
fn unknown_option_lists_every_option() {
    let names = OPTIONS.iter().map(|option| format!("`{}`", option.name));
    let names = names.collect::<Vec<_>>().join(", ");
    let expected = format!("unknown option `colour`; expected one of {names}");
    let output = with_options("colour = \"red\"");
    assert!(output.contains(&expected), "{output}");
}

#[test]
fn misspelled_option_is_corrected() {
    for (option, usage) in usages() {
        let output = with_options(&format!("x{usage}"));
        let name = option.name;
        let expected = format!("unknown option `x{name}`; did you mean `{name}`?");
        assert!(output.contains(&expected), "{output}");
    }
}

#[test]
fn alias_is_corrected() {
    for option in OPTIONS {
        for alias in option.aliases {
            let output = with_options(&format!("{alias} = 1"));
            let expected = format!("did you mean `{}`?", option.name);
            assert!(output.contains(&expected), "{output}");
        }
    }
}

#[test]
fn duplicate_option_is_refused() {
    for (option, usage) in usages() {
        let output = with_options(&format!("{usage}, {usage}"));
        let expected = format!("duplicate option `{}`", option.name);
        assert!(output.contains(&expected), "{output}");
    }
}

#[test]
fn wrong_type_shows_the_usage() {
    for (option, usage) in usages() {
        let wrong = if usage.ends_with("true") { "5" } else { "true" };
        let output = with_options(&format!("{} = {wrong}", option.name));
        let usage = usage.replace('"', r#"\""#);
        let expected = format!("option `{}` takes {}", option.name, option.kind.takes);
        assert!(output.contains(&expected), "{output}");
        assert!(output.contains(&format!(": `{usage}`")), "{output}");
    }
}

#[test]
fn missing_value_shows_the_usage() {
    for (option, usage) in usages() {
        let usage = usage.replace('"', r#"\""#);
        for half in ["", " =", "()"] {
            let output = with_options(&format!("{}{half}", option.name));
            assert!(output.contains(&format!(": `{usage}`")), "{output}");
        }
    }
}

#[test]
fn alias_is_not_an_option() {
    for alias in OPTIONS.iter().flat_map(|option| option.aliases) {
        assert!(
            OPTIONS.iter().all(|option| option.name != *alias),
            "{alias}"
        );
    }
}
