//! What goes through the hand-off after the record, from the daemon or its supervisor to the launcher.

use super::outcome::Outcome;

/// The first byte of what the daemon says about itself; an outcome begins with a lower one.
pub(super) const NOTICE: u8 = b'N';

/// The first byte of bytes for the standard output of the launcher.
pub(super) const ANNOUNCEMENT: u8 = b'P';

/// The first byte of what a supervisor says about the daemon.
const WARNING: u8 = b'W';
const OUTPUT: u8 = b'O';
const VERDICT: u8 = b'V';

/// A longer notice is cut, and a longer announcement is sent in parts.
pub(super) const NOTICE_MAX: usize = 4096;

/// The first byte, the length and the text.
pub(super) const MESSAGE_MAX: usize = 1 + size_of::<u16>() + NOTICE_MAX;

/// What the launcher finds at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// Nothing yet.
    Pending,
    Outcome(Outcome),
    /// Assignments as in `sd_notify(3)`.
    Notice(Vec<u8>),
    /// Bytes for standard output.
    Announcement(Vec<u8>),
    /// What a supervisor says.
    Report(Report),
    /// The daemon has closed its end.
    Lost,
}

/// What a supervisor says about the start of its daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    Warning(Vec<u8>),
    /// A part of what the daemon has written.
    Output(Vec<u8>),
    /// Whether the start has succeeded. It is the last.
    Verdict(Vec<u8>),
}

impl Reply {
    /// Takes a message off what was received, if it is whole. What no daemon sends ends the hand-off.
    pub(super) fn take_from(received: &mut Vec<u8>) -> Option<Self> {
        let (first, rest) = received.split_first()?;
        let first = *first;
        if !matches!(first, NOTICE | ANNOUNCEMENT | WARNING | OUTPUT | VERDICT) {
            let outcome = received.get(..Outcome::SIZE)?;
            let reply = Outcome::decode(outcome).map_or(Self::Lost, Self::Outcome);
            received.drain(..Outcome::SIZE);
            return Some(reply);
        }
        let (length, rest) = rest.split_first_chunk()?;
        let length = usize::from(u16::from_le_bytes(*length));
        let text = rest.get(..length)?.to_vec();
        received.drain(..3 + length);
        Some(match first {
            ANNOUNCEMENT => Self::Announcement(text),
            WARNING => Self::Report(Report::Warning(text)),
            OUTPUT => Self::Report(Report::Output(text)),
            VERDICT => Self::Report(Report::Verdict(text)),
            _ => Self::Notice(text),
        })
    }
}

impl Report {
    /// The first byte of the verdict on a start that has succeeded.
    pub(crate) const SUCCESS: u8 = 1;

    /// No report is longer.
    pub(crate) const MAX: usize = NOTICE_MAX;

    /// The message that the supervisor sends to the launcher.
    pub(crate) fn to_message(&self) -> Vec<u8> {
        match self {
            Self::Warning(text) => message(WARNING, text),
            Self::Output(text) => message(OUTPUT, text),
            Self::Verdict(text) => message(VERDICT, text),
        }
    }
}

/// The message that passes a notice of the daemon on.
pub(crate) fn notice(assignments: &str) -> Vec<u8> {
    message(NOTICE, assignments.as_bytes())
}

/// The messages that pass on what the daemon has announced.
pub(crate) fn announcements(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let parts = bytes.chunks(NOTICE_MAX);
    parts.map(|part| message(ANNOUNCEMENT, part))
}

pub(super) fn message(kind: u8, text: &[u8]) -> Vec<u8> {
    let text = text.get(..NOTICE_MAX).unwrap_or(text);
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    [&[kind][..], &length.to_le_bytes(), text].concat()
}
