//! What a flag may look like.

use syn::LitStr;

use crate::diagnostics::{mistake, shown};

/// Programs and their users rely on these; a daemon that answers to one of them would hide it.
const RESERVED: [&str; 4] = ["-h", "-V", "--help", "--version"];

/// Refuses what the search through argv would never find, or what no user would expect.
pub(crate) fn check(literal: &LitStr) -> syn::Result<()> {
    match complaint(&literal.value()) {
        Some(complaint) => Err(mistake(literal, complaint)),
        None => Ok(()),
    }
}

/// A single dash and one letter.
pub(crate) fn is_short(flag: &str) -> bool {
    !flag.starts_with("--")
}

fn complaint(written: &str) -> Option<String> {
    let name = written.trim_start_matches('-');
    let dash_count = written.len() - name.len();
    let is_one_letter = name.chars().nth(1).is_none();
    let flag = shown(written);

    if written.is_empty() {
        Some("the flag must not be empty".to_owned())
    } else if written.contains(char::is_whitespace) {
        Some(format!("flag `{flag}` must not contain white space"))
    } else if name.is_empty() {
        Some(format!("`{flag}` is not a flag; write a name after it"))
    } else if written.contains('=') {
        Some(format!("flag `{flag}` must not carry a value"))
    } else if dash_count == 0 {
        let dashed = if is_one_letter { "-" } else { "--" };
        Some(format!("a flag begins with a dash: `{dashed}{flag}`"))
    } else if dash_count > 2 {
        Some(format!(
            "flag `{flag}` has too many dashes; write `--{}`",
            shown(name)
        ))
    } else if dash_count == 2 && is_one_letter {
        Some(format!(
            "a flag of one letter has a single dash: `-{}`",
            shown(name)
        ))
    } else if dash_count == 1 && !is_one_letter {
        let long = shown(name);
        Some(format!(
            "short flag `{flag}` has more than one letter; write `--{long}` or a single letter"
        ))
    } else if RESERVED.contains(&written) {
        Some(format!(
            "flag `{flag}` is reserved by convention; choose another"
        ))
    } else {
        None
    }
}
