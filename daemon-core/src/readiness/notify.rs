//! The protocol of `sd_notify(3)`: newline-separated assignments in one datagram.
//!
//! The launcher is the receiver, the daemon's `ready()` and its companions are the sender. In the
//! foreground the same sender talks to systemd or to any other supervisor.

mod sender;

use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::error::is_disruptive;

pub(crate) use super::platform::receiver::NotifySocket;
pub(crate) use sender::{remember_receiver, send, send_if_there_is_room};

/// The environment variable that names the receiver's socket.
pub(crate) const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";

/// Ready, and no barrier follows: the launcher need not stay for one. Other receivers pass over what
/// they do not know.
pub(crate) const READY: &str = "READY=1\nX_DAEMON_BARRIER=0";

/// systemd reads no more of a datagram, so no client that works with it sends more.
pub(super) const DATAGRAM_MAX: usize = 4096;

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
    /// Our own [`READY`]: no barrier follows.
    NoBarrier,
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
        b"X_DAEMON_BARRIER" if value == b"0" => Some(Notification::NoBarrier),
        b"STOPPING" if value == b"1" => Some(Notification::Stopping),
        b"STATUS" => Some(Notification::Status(terminal_line(value))),
        b"ERRNO" => parse_errno(value).map(Notification::Errno),
        b"EXTEND_TIMEOUT_USEC" => parse_number(value)
            .map(|microseconds| Duration::from_micros(microseconds).min(EXTENSION_MAX))
            .map(Notification::ExtendTimeout),
        _ => None,
    }
}

/// Saturates: a number too large to hold is still a number, and gets capped.
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

/// Linux has no errno above 4095, see `errno(3)`; the number is kept within what can have a name.
fn parse_errno(digits: &[u8]) -> Option<i32> {
    parse_number(digits)
        .filter(|number| (1..=4095).contains(number))
        .and_then(|number| i32::try_from(number).ok())
}

/// The daemon's words as they may reach a terminal.
fn terminal_line(text: &[u8]) -> String {
    let mut line = String::new();
    let mut length = 0;
    for character in String::from_utf8_lossy(text).chars() {
        let escaped: usize = if is_disruptive(character) {
            character.escape_default().count()
        } else {
            1
        };
        if length + escaped > STATUS_MAX {
            line.push_str("...");
            break;
        }
        length += escaped;
        if escaped == 1 {
            line.push(character);
        } else {
            line.extend(character.escape_default());
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
mod tests {
    use super::*;

    fn parsed(datagram: &[u8]) -> Vec<Notification> {
        parse(datagram).collect()
    }

    #[test]
    fn assignments_are_read_in_their_order() {
        assert_eq!(
            parsed(b"STATUS=up\nREADY=1\nSTOPPING=1\nERRNO=2\nEXTEND_TIMEOUT_USEC=1500000"),
            [
                Notification::Status("up".to_owned()),
                Notification::Ready,
                Notification::Stopping,
                Notification::Errno(2),
                Notification::ExtendTimeout(Duration::from_millis(1500)),
            ]
        );
    }

    #[test]
    fn our_own_word_says_that_no_barrier_follows() {
        let said = parsed(READY.as_bytes());
        assert_eq!(said, [Notification::Ready, Notification::NoBarrier]);
        assert_eq!(parse(b"BARRIER=1").next(), Some(Notification::Barrier));
    }

    #[test]
    fn a_final_newline_or_nul_changes_nothing() {
        for datagram in [&b"READY=1\n"[..], b"READY=1\0", b"\nREADY=1\n\n"] {
            assert_eq!(parsed(datagram), [Notification::Ready], "{datagram:?}");
        }
    }

    #[test]
    fn garbage_says_nothing() {
        let silent: [&[u8]; 16] = [
            b"",
            b"\n\n\n",
            b"=",
            b"=1",
            b"READY",
            b"READY=",
            b"READY=0",
            b"READY=11",
            b"READY=1 ",
            b" READY=1",
            b"ready=1",
            b"NOTREADY=1",
            b"MAINPID=1",
            b"X=READY=1",
            b"READY\0=1",
            b"\xff\xfe\x00=\xff",
        ];
        for datagram in silent {
            assert_eq!(parsed(datagram), [], "{datagram:?}");
        }
    }

    #[test]
    fn numbers_that_are_none_are_ignored() {
        for value in ["", "-1", "+1", "1 ", "0x1", "1e3", "\u{0661}"] {
            assert_eq!(parsed(format!("ERRNO={value}").as_bytes()), []);
            assert_eq!(
                parsed(format!("EXTEND_TIMEOUT_USEC={value}").as_bytes()),
                []
            );
        }
    }

    #[test]
    fn an_errno_is_between_1_and_4095() {
        assert_eq!(parsed(b"ERRNO=1"), [Notification::Errno(1)]);
        assert_eq!(parsed(b"ERRNO=4095"), [Notification::Errno(4095)]);
        for value in ["0", "4096", "4294967297", "99999999999999999999999"] {
            assert_eq!(parsed(format!("ERRNO={value}").as_bytes()), [], "{value}");
        }
    }

    #[test]
    fn an_absurd_extension_is_capped() {
        for value in ["86400000001", "18446744073709551615", &"9".repeat(4000)] {
            assert_eq!(
                parsed(format!("EXTEND_TIMEOUT_USEC={value}").as_bytes()),
                [Notification::ExtendTimeout(EXTENSION_MAX)]
            );
        }
    }

    fn status_of(datagram: &[u8]) -> String {
        match parsed(datagram).as_slice() {
            [Notification::Status(line)] => line.clone(),
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn a_status_is_one_harmless_line() {
        assert_eq!(
            status_of("STATUS=50 % übersetzt = gut".as_bytes()),
            "50 % übersetzt = gut"
        );
        assert_eq!(
            status_of(b"STATUS=\x1b[2J\r\x07\x7f\xc2\x9b"),
            r"\u{1b}[2J\r\u{7}\u{7f}\u{9b}"
        );
        assert_eq!(
            status_of("STATUS=a\u{202e}b\u{2028}c".as_bytes()),
            r"a\u{202e}b\u{2028}c"
        );
        assert_eq!(status_of(b"STATUS=\xff"), "\u{fffd}");
        assert_eq!(status_of(b"STATUS="), "");
    }

    #[test]
    fn a_status_is_bounded_escapes_included() {
        for text in ["x".repeat(100_000), "\u{1b}".repeat(100_000)] {
            let line = status_of(format!("STATUS={text}").as_bytes());
            assert!(line.ends_with("..."), "{line}");
            assert!(line.chars().count() <= STATUS_MAX + 3, "{line}");
        }
        let full = "x".repeat(STATUS_MAX);
        assert_eq!(status_of(format!("STATUS={full}").as_bytes()), full);
    }

    #[test]
    fn a_status_text_cannot_carry_another_assignment() {
        let datagram = status_assignment("x\nREADY=1\r\nREADY=1\0");
        assert_eq!(datagram, "STATUS=x READY=1  READY=1 ");
        assert_eq!(
            parsed(datagram.as_bytes()),
            [Notification::Status("x READY=1  READY=1 ".to_owned())]
        );
    }

    #[test]
    fn a_long_status_is_cut_between_characters() {
        let datagram = status_assignment("é".repeat(DATAGRAM_MAX));
        assert!(datagram.len() <= DATAGRAM_MAX);
        assert!(datagram.len() > DATAGRAM_MAX - 2);
    }

    #[test]
    fn a_status_whose_formatting_fails_is_sent_as_far_as_it_came() {
        struct Failing;
        impl fmt::Display for Failing {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("half")?;
                Err(fmt::Error)
            }
        }
        assert_eq!(status_assignment(Failing), "STATUS=half");
    }

    #[test]
    fn an_extension_is_sent_in_microseconds() {
        let sent = |time| extend_timeout_assignment(time);
        assert_eq!(sent(Duration::from_millis(2)), "EXTEND_TIMEOUT_USEC=2000");
        assert_eq!(
            sent(Duration::MAX),
            "EXTEND_TIMEOUT_USEC=18446744073709551615"
        );
    }
}
