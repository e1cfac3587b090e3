//! The verdict on the first run, from the supervisor to the launcher.

use std::path::PathBuf;

use nix::unistd::Pid;

use crate::codec::{Codec, Malformed, encoded};
use crate::error::{Error, ErrorKind};
use crate::handoff::{self, Report};
use crate::launcher::Launched;

/// The words of an error are cut here: both fit into one message.
const WORDS_MAX: usize = 1900;

/// The kinds of errors, by their number in a verdict.
const KINDS: [ErrorKind; 16] = [
    ErrorKind::Usage,
    ErrorKind::UnknownUser,
    ErrorKind::AlreadyRunning,
    ErrorKind::AddressInUse,
    ErrorKind::EndedEarly,
    ErrorKind::Failed,
    ErrorKind::Interrupted,
    ErrorKind::System,
    ErrorKind::CannotCreate,
    ErrorKind::Busy,
    ErrorKind::NotReady,
    ErrorKind::Permission,
    ErrorKind::Configuration,
    ErrorKind::OutOfReach,
    ErrorKind::NotRunning,
    ErrorKind::NotStopped,
];

encoded! {
    #[derive(Debug)]
    pub(crate) struct StartSuccess {
        /// The pid, unless it was a short job that has ended.
        pub(crate) pid: Option<i32>,
        pub(crate) status: Option<String>,
        pub(crate) addresses: Option<String>,
    }
}

encoded! {
    #[derive(Debug)]
    pub(crate) struct StartFailure {
        pub(crate) kind: u32,
        pub(crate) status: u32,
        pub(crate) what: String,
        pub(crate) reason: String,
    }
}

/// The messages of a verdict.
pub(super) fn messages(verdict: &Result<Launched, Error>) -> Vec<Vec<u8>> {
    let (bytes, output, announced) = match verdict {
        Ok(launched) => {
            let (mut success, output, announced) = success(launched);
            (success.append_to(&[Report::SUCCESS]), output, announced)
        }
        Err(error) => (failure(error).append_to(&[0]), error.output(), &[][..]),
    };
    let mut messages: Vec<_> = handoff::announcements(announced).collect();
    for part in output.chunks(Report::MAX) {
        messages.push(Report::Output(part.to_vec()).to_message());
    }
    messages.push(Report::Verdict(bytes).to_message());
    messages
}

/// With the output of a short job, and what the daemon has announced.
fn success(launched: &Launched) -> (StartSuccess, &[u8], &[u8]) {
    match launched {
        Launched::Up {
            pid,
            status,
            addresses,
            announced,
            ..
        } => {
            let success = StartSuccess {
                pid: Some(pid.as_raw()),
                status: status.clone(),
                addresses: addresses.as_deref().map(cut),
            };
            (success, &[], announced)
        }
        Launched::Finished { output, announced } => {
            let success = StartSuccess {
                pid: None,
                status: None,
                addresses: None,
            };
            (success, output, announced)
        }
    }
}

fn failure(error: &Error) -> StartFailure {
    let kind = KINDS.iter().position(|kind| *kind == error.kind());
    StartFailure {
        kind: kind
            .and_then(|kind| u32::try_from(kind).ok())
            .unwrap_or(u32::MAX),
        status: error.exit_status().into(),
        what: cut(error.what()),
        reason: cut(&error.reason()),
    }
}

fn cut(words: &str) -> String {
    let mut end = words.len().min(WORDS_MAX);
    while !words.is_char_boundary(end) {
        end -= 1;
    }
    words.get(..end).unwrap_or_default().to_owned()
}

/// What a verdict says, with what came before it, and with the log that the launcher knows.
pub(super) fn read(
    verdict: &[u8],
    output: Vec<u8>,
    announced: Vec<u8>,
    log: Option<PathBuf>,
) -> Result<Result<Launched, Error>, Malformed> {
    let (first, mut rest) = verdict.split_first().ok_or(Malformed)?;
    if *first == Report::SUCCESS {
        let success = StartSuccess::from_front(&mut rest)?;
        return Ok(Ok(match success.pid {
            Some(pid) => Launched::Up {
                pid: Pid::from_raw(pid),
                log,
                status: success.status,
                addresses: success.addresses,
                announced,
            },
            None => Launched::Finished { output, announced },
        }));
    }
    let failure = StartFailure::from_front(&mut rest)?;
    let kind = usize::try_from(failure.kind)
        .ok()
        .and_then(|kind| KINDS.get(kind));
    let status = u8::try_from(failure.status).map_err(|_| Malformed)?;
    let error = Error::new(*kind.ok_or(Malformed)?, failure.what, failure.reason);
    Ok(Err(error.with_status(status).with_output(output)))
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail by panic"
)]
mod tests {
    use super::*;

    /// As the launcher receives it.
    fn passed_on(verdict: &Result<Launched, Error>) -> Result<Launched, Error> {
        let (mut output, mut announced) = (Vec::new(), Vec::new());
        for message in messages(verdict) {
            let (first, rest) = message.split_first().unwrap();
            match first {
                b'P' => announced.extend(&rest[2..]),
                b'O' => output.extend(&rest[2..]),
                b'V' => return read(&rest[2..], output, announced, Some("/log".into())).unwrap(),
                other => panic!("{other}"),
            }
        }
        panic!("no verdict")
    }

    #[test]
    fn verdict_comes_through_unchanged() {
        let up = Launched::Up {
            pid: Pid::from_raw(77),
            log: Some("/log".into()),
            status: Some("serving".to_owned()),
            addresses: None,
            announced: b"port 80".repeat(5000),
        };
        let output = b"x".repeat(64 * 1024);
        let finished = Launched::Finished {
            output: output.clone(),
            announced: Vec::new(),
        };
        for launched in [up, finished] {
            let before = format!("{launched:?}");
            assert_eq!(format!("{:?}", passed_on(&Ok(launched)).unwrap()), before);
        }
        for kind in KINDS {
            let words = "é".repeat(WORDS_MAX);
            let error = Error::new(kind, "cannot start", words).with_status(143);
            let error = passed_on(&Err(error.with_output(output.clone()))).unwrap_err();
            assert_eq!((error.kind(), error.exit_status()), (kind, 143));
            assert!(error.to_string().starts_with("cannot start: éé"));
            assert_eq!(error.output(), output);
        }
    }
}
