//! The pieces of a template, and what is wrong with it: in the words of the attribute.

use crate::option_check;

/// Those that stand for a directory.
const DIRECTORIES: [&str; 4] = ["home", "pid_dir", "state_dir", "log_dir"];
const NAMES: [&str; 3] = ["name", "host", "instance"];

#[derive(Clone, Copy)]
pub(super) enum Piece<'t> {
    /// Also a brace that is written twice.
    Text(&'t str),
    Placeholder(&'t str),
    /// A brace that belongs to no placeholder.
    Unmatched(&'t str),
}

/// Reads a template from its beginning.
pub(super) struct Pieces<'t>(pub(super) &'t str);

impl<'t> Iterator for Pieces<'t> {
    type Item = Piece<'t>;

    fn next(&mut self) -> Option<Piece<'t>> {
        let at = self.0.find(['{', '}']).unwrap_or(self.0.len());
        if at > 0 {
            let (text, rest) = self.0.split_at(at);
            self.0 = rest;
            return Some(Piece::Text(text));
        }
        let (brace, rest) = self.0.split_at_checked(1)?;
        let (piece, rest) = if let Some(rest) = rest.strip_prefix(brace) {
            (Piece::Text(brace), rest)
        } else {
            match rest.split_once('}').filter(|_| brace == "{") {
                Some((name, rest)) => (Piece::Placeholder(name), rest),
                None => (Piece::Unmatched(brace), rest),
            }
        };
        self.0 = rest;
        Some(piece)
    }
}

/// What is wrong with a template, whatever is filled in.
pub(super) fn complaint(template: &str, is_file: bool) -> Option<String> {
    if let Some(complaint) = option_check::path(template.as_ref()) {
        return Some(complaint.to_owned());
    }
    if template == "~" || template.starts_with("~/") {
        let rest = &template[1..];
        return Some(format!(
            "`~` is not expanded in the path; write `{{home}}{rest}`"
        ));
    }
    if names_a_variable(template) {
        let complaint = "environment variables are not expanded in the path; use a placeholder such \
                         as `{home}`";
        return Some(complaint.to_owned());
    }
    let wrong = Pieces(template).find_map(|piece| match piece {
        Piece::Text(_) => None,
        Piece::Placeholder(name) => unknown(name),
        Piece::Unmatched(brace) => Some(format!(
            "unmatched `{brace}` in the path; write `{brace}{brace}` for a brace"
        )),
    });
    let directory = || {
        let is_directory = is_file && names_a_directory(template);
        is_directory.then(|| "the path names a directory; add a file name".to_owned())
    };
    wrong.or_else(directory)
}

/// `$NAME` or `${NAME}`; a dollar sign before anything else is part of the name.
fn names_a_variable(path: &str) -> bool {
    let mut parts = path.split('$').skip(1);
    parts.any(|after| after.starts_with(|next: char| next.is_alphabetic() || "_{".contains(next)))
}

fn names_a_directory(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    let placeholder = last.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
    matches!(last, "" | "." | "..") || placeholder.is_some_and(|it| DIRECTORIES.contains(&it))
}

fn unknown(placeholder: &str) -> Option<String> {
    if DIRECTORIES.contains(&placeholder) || NAMES.contains(&placeholder) {
        return None;
    }
    // The directory of a login is removed at logout, with the PID file of a daemon that runs on.
    if placeholder == "runtime_dir" {
        let complaint = "`{runtime_dir}` is removed when its user logs out; use `{pid_dir}`";
        return Some(complaint.to_owned());
    }
    Some(format!(
        "unknown placeholder `{{{placeholder}}}`; expected `{{name}}`, `{{host}}`, `{{instance}}`, \
         `{{home}}`, `{{pid_dir}}`, `{{state_dir}}` or `{{log_dir}}`"
    ))
}
