//! What a start that fails reports to the processes that wait for it. They have its file open, which no
//! path names any more.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use nix::errno::Errno;

use crate::codec::{Codec, Coder, encoded};
use crate::error::{Error, ErrorKind, escaped};
use crate::sys;

/// The first bytes. They begin with a newline, so no reader finds a pid, and they are longer than the
/// longest pid.
const MAGIC: &[u8] = b"\nfailed start 1\n";

/// No message is longer.
const FAILURE_MAX: usize = 4096;

/// The errors that a start has once its PID file is there. Of another kind a process that waits learns
/// nothing and starts the daemon itself; so it does after an interrupt, which is no failure.
const KINDS: [ErrorKind; 9] = [
    ErrorKind::Refused,
    ErrorKind::Usage,
    ErrorKind::EndedEarly,
    ErrorKind::Failed,
    ErrorKind::System,
    ErrorKind::CannotCreate,
    ErrorKind::NotReady,
    ErrorKind::Permission,
    ErrorKind::Configuration,
];

encoded! {
    /// The error of the start, without the output of the daemon: another user may have the file open.
    pub(crate) struct RecordedFailure {
        pub(crate) kind: ErrorKind,
        pub(crate) status: u32,
        pub(crate) what: String,
        pub(crate) reason: String,
    }
}

/// Writes why the start failed, by one write that covers the pid. The file is not at its path any
/// more, and its lock is still held.
pub(super) fn write(file: &File, error: &Error) -> io::Result<()> {
    let mut failure = RecordedFailure {
        kind: error.kind(),
        status: error.exit_status().into(),
        what: error.what().to_owned(),
        reason: error.reason().into_owned(),
    };
    let bytes = failure.append_to(MAGIC);
    // Beyond this limit a write does not fail, it kills: SIGXFSZ.
    let limit = sys::limits::file_size()?;
    if bytes.len() > FAILURE_MAX || usize::try_from(limit).is_ok_and(|limit| limit < FAILURE_MAX) {
        return Err(Errno::EFBIG.into());
    }
    file.write_all_at(&bytes, 0)
}

/// The error of a start that has failed, if it has left one in its file.
pub(crate) fn failure(file: &File) -> Option<Error> {
    let mut bytes = [0; FAILURE_MAX];
    let length = file.read_at(&mut bytes, 0).ok()?;
    let mut rest = bytes.get(..length)?.strip_prefix(MAGIC)?;
    let failure = RecordedFailure::from_front(&mut rest).ok()?;
    let status = u8::try_from(failure.status).ok().filter(|it| *it > 0)?;
    // Another user may have written the file.
    let (what, reason) = (escaped(&failure.what), escaped(&failure.reason));
    let error = Error::new(failure.kind, what, reason);
    Some(error.with_status(status))
}

impl Codec for ErrorKind {
    fn blank() -> Self {
        Self::Failed
    }

    fn code(&mut self, coder: &mut Coder<'_>) {
        let index = KINDS.iter().position(|kind| kind == self);
        let index = index.and_then(|index| u32::try_from(index).ok());
        let mut index = index.unwrap_or(u32::MAX);
        index.code(coder);
        let kind = usize::try_from(index).ok().and_then(|it| KINDS.get(it));
        match kind {
            Some(kind) => *self = *kind,
            None => coder.fail(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::lock;

    /// What is read of an error that was written over a pid.
    fn passed_on(error: &Error) -> Option<Error> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let count = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("failed-start-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, "4194304\n").unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        fs::remove_file(path).unwrap();
        write(&file, error).unwrap();
        assert_eq!(lock::read_pid(&file), None);
        failure(&file)
    }

    #[test]
    fn error_is_passed_on_to_a_waiting_process() {
        let error = Error::new(ErrorKind::Failed, "cannot start", "killed: by x; see /log");
        let error = error.with_status(137);
        let passed = passed_on(&error).unwrap();
        assert_eq!(passed.to_string(), error.to_string());
        assert_eq!(
            (passed.kind(), passed.exit_status()),
            (ErrorKind::Failed, 137)
        );
    }

    #[test]
    fn forged_error_is_harmless() {
        let error = Error::new(ErrorKind::Failed, "cannot\x1b[2J", "x\ny").with_status(1);
        let passed = passed_on(&error).unwrap().to_string();
        assert_eq!(passed, "cannot\\u{1b}[2J: x\\ny");
        assert!(passed_on(&error.with_status(0)).is_none());
    }

    #[test]
    fn interrupt_is_not_passed_on() {
        let error = Error::new(ErrorKind::Interrupted, "cannot start", "by SIGINT");
        assert!(passed_on(&error).is_none());
    }
}
