//! How systemd reads values, see `systemd.syntax(7)`.

use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// The text of a unit, line by line.
pub(super) struct Lines(String);

impl Lines {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }

    /// A function by itself: a unit has many lines.
    #[inline(never)]
    pub(super) fn add(&mut self, key: &str, value: &str) {
        self.0.push_str(key);
        self.0.push_str(value);
        self.0.push('\n');
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

/// The one rule for every argument, see "Quoting" in `systemd.syntax(7)`.
pub(super) fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for byte in bytes {
        match byte {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b'%' => text.push_str("%%"),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => write!(text, "\\x{byte:02x}").unwrap_or_default(),
        }
    }
    text.push('"');
    text
}

/// A value that systemd takes as it stands, but for its specifiers.
pub(super) fn raw(text: &OsStr) -> String {
    text.to_string_lossy().replace('%', "%%")
}

/// Whether a value comes through as it stands.
pub(super) fn is_raw_text(text: &OsStr) -> bool {
    text.to_str().is_some_and(|text| {
        !text.chars().any(char::is_control)
            && !text.ends_with([' ', '\\'])
            && !text.starts_with(' ')
    })
}

/// As systemd takes it.
pub(super) fn is_variable_name(name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    bytes.iter().all(is_part) && !bytes.first().is_some_and(u8::is_ascii_digit)
}

/// With the characters that the name of a unit may have, see `systemd-escape(1)`. Two byte
/// strings never get one name.
pub(super) fn unit_name(program: &[u8]) -> String {
    let mut name = String::new();
    for byte in program {
        if byte.is_ascii_alphanumeric() || b":_.-".contains(byte) {
            name.push(char::from(*byte));
        } else {
            write!(name, "\\x{byte:02x}").unwrap_or_default();
        }
    }
    name
}

/// Whether systemd takes this path of a program. It refuses some characters, however they are written.
pub(super) fn is_program(path: &OsStr) -> bool {
    let is_refused = |byte: &u8| byte.is_ascii_control() || b"\"'\\".contains(byte);
    !path.as_bytes().iter().any(is_refused)
}

/// See `systemd.time(7)`. Without a time systemd would wait for ever.
pub(super) fn time_span(time: Duration) -> String {
    // It counts in microseconds.
    let Ok(microseconds) = u64::try_from(time.as_micros()) else {
        return "infinity".to_owned();
    };
    match time.subsec_millis() {
        0 if !time.is_zero() => format!("{}", time.as_secs()),
        _ => format!("{}ms", (microseconds / 1000).max(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_form() {
        assert_eq!(quoted(b""), "\"\"");
        assert_eq!(quoted(b"a $B %n"), "\"a $B %%n\"");
        assert_eq!(quoted(b"\"\\\n\xff"), "\"\\\"\\\\\\x0a\\xff\"");
    }

    #[test]
    fn time_is_written_as_systemd_reads_it() {
        assert_eq!(time_span(Duration::from_secs(90)), "90");
        assert_eq!(time_span(Duration::from_micros(1_500_999)), "1500ms");
        assert_eq!(time_span(Duration::ZERO), "1ms");
        assert_eq!(time_span(Duration::MAX), "infinity");
        assert_eq!(time_span(Duration::from_secs(u64::MAX)), "infinity");
        let longest = Duration::from_micros(u64::MAX);
        assert_eq!(time_span(longest), "18446744073709551ms");
    }

    #[test]
    fn name_of_a_unit_has_no_other_characters() {
        assert_eq!(unit_name(b"hello-2.x@a b"), "hello-2.x\\x40a\\x20b");
        assert_eq!(unit_name(b"\xff_\\"), "\\xff_\\x5c");
    }
}
