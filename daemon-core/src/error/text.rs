//! Text of others as one line of a terminal may hold it.

use std::io;
use std::path::Path;

/// The words of the system for an error, without the errno that std adds.
pub(crate) fn system_message(cause: &io::Error) -> String {
    let mut text = format!("{cause}");
    if let Some(errno) = cause.raw_os_error() {
        let words = text.strip_suffix(&*format!(" (os error {errno})"));
        let length = words.unwrap_or(&text).len();
        text.truncate(length);
    }
    text
}

/// A path as one line of a message may hold it.
#[inline(never)] // each use would have its own copy
pub(crate) fn shown(path: &Path) -> String {
    escaped(&path.to_string_lossy())
}

/// A text as a terminal may show it.
pub(crate) fn escaped(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        push_escaped(&mut line, character);
    }
    line
}

/// Adds a character as a terminal may show it: itself, or its escape sequence of Rust's string literals.
pub(crate) fn push_escaped(line: &mut String, character: char) {
    if !is_disruptive(character) {
        line.push(character);
        return;
    }
    for part in character.escape_default() {
        line.push(part);
    }
}

/// Whether a character does more to a terminal than to be seen: it begins an escape sequence,
/// starts another line or changes the direction of the text.
fn is_disruptive(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}
