//! The protocol of `sd_notify(3)`: newline-separated assignments in one datagram.

use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::error::push_escaped;

/// The environment variable that names the receiver's socket.
pub(crate) const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";

/// The daemon is ready.
pub(crate) const READY: &str = "READY=1";

/// systemd reads no more of a datagram, so no client that works with it sends more.
pub(in crate::readiness) const DATAGRAM_MAX: usize = 4096;

/// What a terminal line can hold, more or less; the rest of a status says little.
const STATUS_MAX: usize = 200;

/// A daemon that needs longer can ask again. Nothing overflows by adding a day to a deadline.
const EXTENSION_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// One thing that the daemon said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notification {
    /// `READY=1`
    Ready,
    /// `BARRIER=1`: the daemon waits until the descriptor that comes with it is closed.
    Barrier,
    /// `STOPPING=1`
    Stopping,
    /// `STATUS=`: one line, bounded, fit for a terminal. Empty when the daemon takes its status back.
    Status(String),
    /// `ERRNO=`: why the daemon is about to fail.
    Errno(i32),
    /// `EXTEND_TIMEOUT_USEC=`: how much time the daemon wants, counted from now.
    ExtendTimeout(Duration),
}

/// The assignments of a datagram that mean something to us, in the order they were written.
/// Whatever else stands there is passed over, as the protocol wants it.
pub(crate) fn parse(datagram: &[u8]) -> impl Iterator<Item = Notification> {
    datagram
        .split(|&byte| byte == b'\n')
        .filter_map(parse_assignment)
}

fn parse_assignment(assignment: &[u8]) -> Option<Notification> {
    let equals = assignment.iter().position(|&byte| byte == b'=')?;
    let (name, value) = (&assignment[..equals], &assignment[equals + 1..]);
    // A client in C that sends its terminating NUL along is understood by systemd too.
    let end = value
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |last| last + 1);
    let value = &value[..end];
    match name {
        b"READY" if value == b"1" => Some(Notification::Ready),
        b"BARRIER" if value == b"1" => Some(Notification::Barrier),
        b"STOPPING" if value == b"1" => Some(Notification::Stopping),
        b"STATUS" => Some(Notification::Status(terminal_line(value))),
        b"ERRNO" => parse_errno(value).map(Notification::Errno),
        b"EXTEND_TIMEOUT_USEC" => parse_number(value)
            .map(|microseconds| Duration::from_micros(microseconds).min(EXTENSION_MAX))
            .map(Notification::ExtendTimeout),
        _ => None,
    }
}

/// Saturates: a value that is too large is capped later.
fn parse_number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |number: u64, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    }))
}

/// Linux has no errno above 4095, see `errno(3)`; others have no name.
fn parse_errno(digits: &[u8]) -> Option<i32> {
    parse_number(digits)
        .filter(|errno| (1..=4095).contains(errno))
        .and_then(|errno| i32::try_from(errno).ok())
}

/// The daemon's words as they may reach a terminal.
fn terminal_line(text: &[u8]) -> String {
    let mut line = String::new();
    let mut length = 0;
    for character in String::from_utf8_lossy(text).chars() {
        let end = line.len();
        push_escaped(&mut line, character);
        length += line[end..].chars().count();
        if length > STATUS_MAX {
            line.truncate(end);
            line.push_str("...");
            break;
        }
    }
    line
}

/// `STATUS=` and the text, cut to what a receiver reads. A newline in the text becomes a space, so
/// that no text can carry another assignment.
pub(crate) fn status_assignment(text: impl fmt::Display) -> String {
    let mut assignment = BoundedLine("STATUS=".to_owned());
    // It fails when it is full, or when the caller's own formatting fails: what came is sent.
    write!(assignment, "{text}").ok();
    assignment.0
}

/// `EXTEND_TIMEOUT_USEC=` and the time, in whole microseconds.
pub(crate) fn extend_timeout_assignment(time: Duration) -> String {
    let microseconds = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    format!("EXTEND_TIMEOUT_USEC={microseconds}")
}

struct BoundedLine(String);

impl fmt::Write for BoundedLine {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.0.len() + character.len_utf8() > DATAGRAM_MAX {
                return Err(fmt::Error);
            }
            let is_line_end = matches!(character, '\n' | '\r' | '\0');
            self.0.push(if is_line_end { ' ' } else { character });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
