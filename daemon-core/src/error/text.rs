//! Text of others as one line of a terminal may hold it.

use std::io;
use std::path::Path;

/// The words of the system for an error, without the errno that std adds.
pub(crate) fn system_message(cause: &io::Error) -> String {
    let text = cause.to_string();
    match text.rfind(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// A path as one line of a message may hold it.
pub(crate) fn shown(path: &Path) -> String {
    path.to_string_lossy().chars().flat_map(escape).collect()
}

/// A character as a terminal may show it: itself, or its escape sequence of Rust's string literals.
pub(crate) fn escape(character: char) -> impl Iterator<Item = char> + Clone {
    let (itself, escaped) = if is_disruptive(character) {
        (None, Some(character.escape_default()))
    } else {
        (Some(character), None)
    };
    itself.into_iter().chain(escaped.into_iter().flatten())
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
