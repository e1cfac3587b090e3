//! What a path that is written as a string literal may look like.

use syn::LitStr;

use crate::diagnostics::{mistake, shown};
use crate::option_table::{Kind, OptionSpec};
use crate::suggest::nearest;

const NAME: &str = "name";
const DIRECTORIES: [&str; 4] = ["home", "runtime_dir", "state_dir", "log_dir"];

/// Refuses what could only fail at run time, and what a shell would have expanded but nobody does
/// here.
pub(crate) fn check(option: &OptionSpec, literal: &LitStr) -> syn::Result<()> {
    let path = literal.value();
    let name = option.name;
    if path.is_empty() {
        Err(mistake(
            literal,
            format!("the path of `{name}` must not be empty"),
        ))
    } else if path.contains('\0') {
        Err(mistake(
            literal,
            format!("the path of `{name}` must not contain a NUL byte"),
        ))
    } else if path == "~" || path.starts_with("~/") {
        let home = shown(&path.replacen('~', "{home}", 1));
        let message = format!("`~` is not expanded in the path of `{name}`; write `{home}`");
        Err(mistake(literal, message))
    } else if names_a_variable(&path) {
        Err(mistake(
            literal,
            format!(
                "environment variables are not expanded in the path of `{name}`; use a placeholder such as `{{home}}`"
            ),
        ))
    } else if let Err(complaint) = check_placeholders(name, &path) {
        Err(mistake(literal, complaint))
    } else if option.kind == Kind::File && names_a_directory(&path) {
        let message = format!("the path of `{name}` names a directory; add a file name");
        Err(mistake(literal, message))
    } else {
        Ok(())
    }
}

/// `$NAME` or `${NAME}`; a dollar sign before anything else is part of the name.
fn names_a_variable(path: &str) -> bool {
    let mut parts = path.split('$').skip(1);
    parts.any(|after| after.starts_with(|next: char| next.is_alphabetic() || "_{".contains(next)))
}

fn names_a_directory(path: &str) -> bool {
    match path.rsplit('/').next().unwrap_or_default() {
        "" | "." | ".." => true,
        last => DIRECTORIES
            .iter()
            .any(|placeholder| last == format!("{{{placeholder}}}")),
    }
}

fn check_placeholders(option: &str, path: &str) -> Result<(), String> {
    let mut rest = path;
    while let Some(brace) = rest.find(['{', '}']) {
        let (found, after) = rest[brace..].split_at(1);
        rest = if let Some(after_pair) = after.strip_prefix(found) {
            after_pair
        } else if let (true, Some((placeholder, after))) = (found == "{", after.split_once('}')) {
            check_placeholder(placeholder)?;
            after
        } else {
            return Err(format!(
                "unmatched `{found}` in the path of `{option}`; write `{found}{found}` for a brace"
            ));
        };
    }
    Ok(())
}

fn check_placeholder(placeholder: &str) -> Result<(), String> {
    let known = || DIRECTORIES.into_iter().chain([NAME]);
    if known().any(|name| name == placeholder) {
        return Ok(());
    }
    let repair = match nearest(placeholder, known()) {
        Some(name) => format!("did you mean `{{{name}}}`?"),
        None => {
            "expected `{name}`, `{home}`, `{runtime_dir}`, `{state_dir}` or `{log_dir}`".to_owned()
        }
    };
    Err(format!(
        "unknown placeholder `{{{}}}`; {repair}",
        shown(placeholder)
    ))
}
