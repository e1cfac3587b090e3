//! The hand-off: one record from the launcher to the daemon through a socket pair, and the outcome
//! back. An environment variable names the daemon's descriptor.

mod outcome;
mod record;

use std::ffi::OsStr;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{self, MsgFlags, getsockopt, sockopt};
use nix::unistd::getpid;

use crate::files::FileId;
use crate::sys;
use crate::sys::socket::{KIND, NO_SIGNAL, is_made_by};

pub(crate) use outcome::{Outcome, StartStep};
pub(crate) use record::{Record, SupervisorRecord};

/// The variable that names the descriptor of the daemon's end of the socket pair.
pub(crate) const MARKER: &str = "__DAEMON_HANDOFF";

/// No record is longer: it holds a handful of paths.
const RECORD_MAX: usize = 64 * 1024;

/// Most records are shorter: the daemon is to keep no more memory than it needs.
const RECORD_CAPACITY: usize = 1024;

/// The first byte of what the daemon says about itself; an outcome begins with a lower one.
const NOTICE: u8 = b'N';

/// The first byte of bytes for the standard output of the launcher.
const ANNOUNCEMENT: u8 = b'P';

/// The first byte of what a supervisor says about the daemon.
const WARNING: u8 = b'W';
const OUTPUT: u8 = b'O';
const VERDICT: u8 = b'V';

/// A longer notice is cut, and a longer announcement is sent in parts.
const NOTICE_MAX: usize = 4096;

/// The first byte, the length and the text.
const MESSAGE_MAX: usize = 1 + size_of::<u16>() + NOTICE_MAX;

/// How often a daemon tries again whose launcher has not read yet.
const RETRY_INTERVAL: Duration = Duration::from_millis(1);

/// The launcher's end: sends the record, and receives the outcome of the steps after the exec, and
/// then what the daemon says about itself.
#[derive(Debug)]
pub(crate) struct LauncherEnd {
    socket: OwnedFd,
    /// Bytes that are no whole message yet: some systems have only streams.
    received: Vec<u8>,
}

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

/// The daemon's end. It stays open, and is closed by an exec.
#[derive(Debug)]
pub(crate) struct DaemonEnd {
    socket: OwnedFd,
    /// A program that closes all its descriptors may have another file under this fd.
    id: Option<FileId>,
}

/// Makes the socket pair. The daemon inherits its end.
pub(crate) fn pair() -> Result<(LauncherEnd, OwnedFd), Errno> {
    let (launcher_end, daemon_end) = sys::socket::pair()?;
    let launcher_end = LauncherEnd {
        socket: launcher_end,
        received: Vec::new(),
    };
    Ok((launcher_end, daemon_end))
}

impl LauncherEnd {
    /// Sends the record. It stays in the socket even if the launcher ends.
    pub(crate) fn send(&self, record: &Record) -> io::Result<()> {
        let bytes = record.to_bytes();
        if bytes.len() > RECORD_MAX {
            return Err(Errno::ENAMETOOLONG.into());
        }
        let flags = NO_SIGNAL | MsgFlags::MSG_DONTWAIT;
        match socket::send(self.socket.as_raw_fd(), &bytes, flags)? {
            length if length == bytes.len() => Ok(()),
            _ => Err(Errno::ENOBUFS.into()),
        }
    }

    /// The next message of the daemon. Does not block.
    pub(crate) fn receive(&mut self) -> Reply {
        loop {
            if let Some(reply) = self.next_message() {
                return reply;
            }
            let mut bytes = [0; MESSAGE_MAX];
            let flags = MsgFlags::MSG_DONTWAIT;
            match socket::recv(self.socket.as_raw_fd(), &mut bytes, flags) {
                Ok(0) => return Reply::Lost,
                Ok(length) => self.received.extend(bytes.iter().take(length)),
                Err(Errno::EAGAIN | Errno::EINTR) => return Reply::Pending,
                Err(_) => return Reply::Lost,
            }
        }
    }

    /// Takes a message off what was received, if it is whole. What no daemon sends ends the hand-off.
    fn next_message(&mut self) -> Option<Reply> {
        let (first, rest) = self.received.split_first()?;
        let first = *first;
        if !matches!(first, NOTICE | ANNOUNCEMENT | WARNING | OUTPUT | VERDICT) {
            let outcome = self.received.get(..Outcome::SIZE)?;
            let reply = Outcome::decode(outcome).map_or(Reply::Lost, Reply::Outcome);
            self.received.drain(..Outcome::SIZE);
            return Some(reply);
        }
        let (length, rest) = rest.split_first_chunk()?;
        let length = usize::from(u16::from_le_bytes(*length));
        let text = rest.get(..length)?.to_vec();
        self.received.drain(..3 + length);
        Some(match first {
            ANNOUNCEMENT => Reply::Announcement(text),
            WARNING => Reply::Report(Report::Warning(text)),
            OUTPUT => Reply::Report(Report::Output(text)),
            VERDICT => Reply::Report(Report::Verdict(text)),
            _ => Reply::Notice(text),
        })
    }
}

impl AsFd for LauncherEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsFd for DaemonEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl DaemonEnd {
    fn new(socket: OwnedFd) -> Self {
        let id = sys::descriptors::metadata(socket.as_raw_fd());
        let id = id.ok().map(|file| FileId::from(&file));
        Self { socket, id }
    }

    /// Answers. A launcher that was killed is not missed.
    pub(crate) fn answer(&self, outcome: Outcome) {
        let bytes = outcome.encode();
        let flags = NO_SIGNAL | MsgFlags::MSG_DONTWAIT;
        let _ = socket::send(self.socket.as_raw_fd(), &bytes, flags);
    }

    /// Sends a message, or as much of it as there is room for, and returns how much that is.
    ///
    /// # Errors
    ///
    /// `EAGAIN`: there is no room. Another error: the launcher has gone.
    pub(crate) fn send(&self, message: &[u8]) -> Result<usize, Errno> {
        let flags = NO_SIGNAL | MsgFlags::MSG_DONTWAIT;
        match socket::send(self.socket.as_raw_fd(), message, flags) {
            Err(Errno::ENOBUFS | Errno::EINTR) => Err(Errno::EAGAIN),
            other => other,
        }
    }

    /// Whether the launcher has closed its end. It says nothing after the record.
    pub(crate) fn is_lost(&self) -> bool {
        let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
        let received = socket::recv(self.socket.as_raw_fd(), &mut [0], flags);
        !matches!(received, Err(Errno::EAGAIN | Errno::EINTR))
    }

    /// Tells the launcher something, and waits for a full queue for this long at most.
    ///
    /// # Errors
    ///
    /// `EBADF`: the program has closed the descriptor. `EAGAIN`: the queue was full all the time.
    /// Another error: the launcher has gone.
    pub(crate) fn notify(&self, assignments: &[u8], timeout: Duration) -> Result<(), Errno> {
        let text = assignments.get(..NOTICE_MAX).unwrap_or(assignments);
        self.tell(NOTICE, text, timeout)
    }

    /// Gives the launcher bytes for its standard output. Otherwise as [`notify`](Self::notify).
    pub(crate) fn announce(&self, bytes: &[u8], timeout: Duration) -> Result<(), Errno> {
        let mut parts = bytes.chunks(NOTICE_MAX);
        parts.try_for_each(|part| self.tell(ANNOUNCEMENT, part, timeout))
    }

    fn tell(&self, kind: u8, text: &[u8], timeout: Duration) -> Result<(), Errno> {
        let there = sys::descriptors::metadata(self.socket.as_raw_fd());
        let there = there.ok().map(|file| FileId::from(&file));
        if there.is_none() || there != self.id {
            return Err(Errno::EBADF);
        }
        let message = message(kind, text);
        let mut rest = &message[..];
        let deadline = Instant::now() + timeout;
        while !rest.is_empty() {
            let flags = NO_SIGNAL | MsgFlags::MSG_DONTWAIT;
            match socket::send(self.socket.as_raw_fd(), rest, flags) {
                Ok(length) => rest = rest.get(length..).unwrap_or_default(),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN | Errno::ENOBUFS) if Instant::now() < deadline => {
                    thread::sleep(RETRY_INTERVAL);
                }
                // Half a message makes the next one unreadable.
                Err(_) if rest.len() < message.len() => return Err(Errno::EPIPE),
                Err(Errno::ENOBUFS) => return Err(Errno::EAGAIN),
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
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

fn message(kind: u8, text: &[u8]) -> Vec<u8> {
    let text = text.get(..NOTICE_MAX).unwrap_or(text);
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    [&[kind][..], &length.to_le_bytes(), text].concat()
}

/// The entry of the environment that tells the daemon where the hand-off is, but for the daemon's pid
/// at its end.
pub(crate) fn marker(socket: BorrowedFd<'_>) -> String {
    format!("{MARKER}={}:", socket.as_raw_fd())
}

/// Takes the hand-off, if this process was given one, and removes every trace of it.
///
/// A variable that was forged, leaked or inherited without its descriptor means nothing.
pub(crate) fn take() -> Option<(Record, DaemonEnd)> {
    let value = std::env::var_os(MARKER)?;
    sys::environment::set(OsStr::new(MARKER), None);
    // No launcher starts a set-uid program, so such a record comes from its caller.
    if sys::ids::are_borrowed() {
        return None;
    }
    let (fd, pid) = value.to_str()?.split_once(':')?;
    // A child of the daemon's from before it came here has the socket as well.
    if pid.parse() != Ok(getpid().as_raw()) {
        return None;
    }
    let fd: RawFd = fd.parse().ok()?;
    // A descriptor of our own: whatever lies there, it stays as it is until it has proved to be
    // ours.
    let socket = sys::descriptors::adopt(fd).ok()?;
    let record = receive(&socket)?;
    let _ = nix::unistd::close(fd);
    Some((record, DaemonEnd::new(socket)))
}

/// Reads the record, and consumes it, so that it cannot be taken twice.
fn receive(socket: &OwnedFd) -> Option<Record> {
    if getsockopt(socket, sockopt::SockType) != Ok(KIND) {
        return None;
    }
    let mut bytes = vec![0; RECORD_CAPACITY];
    let mut receive = |flags| -> Option<Record> {
        let flags = flags | MsgFlags::MSG_DONTWAIT;
        let length = loop {
            let mut into = [IoSliceMut::new(&mut bytes)];
            let message = socket::recvmsg::<()>(socket.as_raw_fd(), &mut into, None, flags).ok()?;
            if !message.flags.contains(MsgFlags::MSG_TRUNC) {
                break message.bytes;
            }
            let longer = bytes.len() * 2;
            if longer > RECORD_MAX {
                return None;
            }
            bytes.resize(longer, 0);
        };
        Record::from_bytes(bytes.get(..length)?).ok()
    };
    // Looking comes first: the messages on a socket that is not ours are not ours to consume.
    let record = receive(MsgFlags::MSG_PEEK)?;
    if !is_made_by(record.launcher, socket) {
        return None;
    }
    receive(MsgFlags::empty())
}

#[cfg(test)]
#[allow(clippy::panic, reason = "a test may fail by panic")]
mod tests;
