//! Paths of files and directories.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::LitStr;

use super::{Kind, Value};
use crate::diagnostics::shown;
use crate::span::{generated, generated_span, respanned};
use crate::suggest::nearest;

/// The path of a file.
pub(crate) static FILE: Kind = Kind {
    takes: "a path",
    parse: |value| path(value, names_a_directory),
};

/// The path of a directory.
pub(crate) static DIRECTORY: Kind = Kind {
    takes: "a path",
    parse: |value| path(value, |_| false),
};

const NAMES: [&str; 3] = ["name", "host", "instance"];
const DIRECTORIES: [&str; 4] = ["home", "pid_dir", "state_dir", "log_dir"];

/// A literal is checked here; any other expression is computed at run time.
fn path(value: &Value, is_refused: fn(&str) -> bool) -> syn::Result<TokenStream> {
    if value.literal().is_none() {
        let expression = value.underlined();
        let span = generated_span(&expression);
        let crate_path = respanned(value.crate_path, span);
        return Ok(quote_spanned!(span=> #crate_path::PathSource::from_fn(|| #expression)));
    }
    template(value, &value.string()?, is_refused)
}

/// A path that may contain placeholders.
pub(super) fn template(
    value: &Value,
    literal: &LitStr,
    is_refused: fn(&str) -> bool,
) -> syn::Result<TokenStream> {
    let path = literal.value();
    if let Some(complaint) = complaint(value.option.name, &path, is_refused) {
        return Err(value.mistake(complaint));
    }
    let written = generated(literal);
    // Without a brace, a template is the path itself.
    if !path.contains(['{', '}']) {
        return Ok(written);
    }
    let span = generated_span(literal);
    let crate_path = respanned(value.crate_path, span);
    Ok(quote_spanned!(span=> #crate_path::PathSource::template(#written)))
}

fn complaint(name: &str, path: &str, is_refused: fn(&str) -> bool) -> Option<String> {
    if path.is_empty() {
        Some(format!("the path of `{name}` must not be empty"))
    } else if path.contains('\0') {
        Some(format!("the path of `{name}` must not contain a NUL byte"))
    } else if path == "~" || path.starts_with("~/") {
        let home = shown(&path.replacen('~', "{home}", 1));
        Some(format!(
            "`~` is not expanded in the path of `{name}`; write `{home}`"
        ))
    } else if names_a_variable(path) {
        Some(format!(
            "environment variables are not expanded in the path of `{name}`; use a placeholder such as `{{home}}`"
        ))
    } else if let Err(complaint) = check_placeholders(name, path) {
        Some(complaint)
    } else if is_refused(path) {
        Some(format!(
            "the path of `{name}` names a directory; add a file name"
        ))
    } else {
        None
    }
}

/// `$NAME` or `${NAME}`; a dollar sign before anything else is part of the name.
fn names_a_variable(path: &str) -> bool {
    let mut parts = path.split('$').skip(1);
    parts.any(|after| after.starts_with(|next: char| next.is_alphabetic() || "_{".contains(next)))
}

pub(super) fn names_a_directory(path: &str) -> bool {
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
    let known = || NAMES.into_iter().chain(DIRECTORIES);
    if known().any(|name| name == placeholder) {
        return Ok(());
    }
    if placeholder == "runtime_dir" {
        let message = "`{runtime_dir}` is removed when its user logs out; use `{pid_dir}`";
        return Err(message.to_owned());
    }
    let repair = match nearest(placeholder, known()) {
        Some(name) => format!("did you mean `{{{name}}}`?"),
        None => "expected `{name}`, `{host}`, `{instance}`, `{home}`, `{pid_dir}`, `{state_dir}` or `{log_dir}`"
            .to_owned(),
    };
    Err(format!(
        "unknown placeholder `{{{}}}`; {repair}",
        shown(placeholder)
    ))
}
