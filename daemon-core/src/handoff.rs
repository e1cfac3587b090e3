//! The hand-off: one record from the launcher to the daemon through a socket pair, and the outcome
//! back. An environment variable names the daemon's descriptor.

mod outcome;
mod record;

use std::ffi::OsStr;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::socket::{self, MsgFlags, getsockopt, sockopt};
use nix::unistd::getpid;

use crate::sys;
use crate::sys::socket::{KIND, NO_SIGNAL, is_made_by};

pub(crate) use outcome::{Outcome, StartStep};
pub(crate) use record::Record;

/// The variable that names the descriptor of the daemon's end of the socket pair.
pub(crate) const MARKER: &str = "__DAEMON_HANDOFF";

/// No record is longer: it holds a handful of paths.
const RECORD_MAX: usize = 64 * 1024;

/// Most records are shorter: the daemon is to keep no more memory than it needs.
const RECORD_CAPACITY: usize = 1024;

/// The launcher's end: sends the record, and receives the outcome of the steps after the exec.
#[derive(Debug)]
pub(crate) struct LauncherEnd(OwnedFd);

/// What the launcher finds at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// Nothing yet.
    Pending,
    Outcome(Outcome),
    /// The daemon has closed its end.
    Lost,
}

/// The daemon's end.
#[derive(Debug)]
pub(crate) struct DaemonEnd(OwnedFd);

/// Makes the socket pair. The daemon inherits its end.
pub(crate) fn pair() -> Result<(LauncherEnd, OwnedFd), Errno> {
    let (launcher_end, daemon_end) = sys::socket::pair()?;
    Ok((LauncherEnd(launcher_end), daemon_end))
}

impl LauncherEnd {
    /// Sends the record. It stays in the socket even if the launcher ends.
    pub(crate) fn send(&self, record: &Record) -> io::Result<()> {
        let bytes = record.to_bytes();
        if bytes.len() > RECORD_MAX {
            return Err(Errno::ENAMETOOLONG.into());
        }
        let flags = NO_SIGNAL | MsgFlags::MSG_DONTWAIT;
        match socket::send(self.0.as_raw_fd(), &bytes, flags)? {
            length if length == bytes.len() => Ok(()),
            _ => Err(Errno::ENOBUFS.into()),
        }
    }

    /// What the daemon has sent. Does not wait.
    pub(crate) fn receive(&self) -> Reply {
        let mut bytes = [0; 8];
        match socket::recv(self.0.as_raw_fd(), &mut bytes, MsgFlags::MSG_DONTWAIT) {
            Ok(length) => Outcome::decode(bytes.get(..length).unwrap_or_default())
                .map_or(Reply::Lost, Reply::Outcome),
            Err(Errno::EAGAIN | Errno::EINTR) => Reply::Pending,
            Err(_) => Reply::Lost,
        }
    }
}

impl AsFd for LauncherEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl DaemonEnd {
    /// Answers, and lets the hand-off go. A launcher that was killed is not missed.
    pub(crate) fn answer(self, outcome: Outcome) {
        let bytes = outcome.encode();
        let flags = NO_SIGNAL | MsgFlags::MSG_DONTWAIT;
        let _ = socket::send(self.0.as_raw_fd(), &bytes, flags);
    }
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
    let (number, pid) = value.to_str()?.split_once(':')?;
    // A child of the daemon's from before it came here has the socket as well.
    if pid.parse() != Ok(getpid().as_raw()) {
        return None;
    }
    let number: RawFd = number.parse().ok()?;
    // A descriptor of our own: whatever lies there, it stays as it is until it has proved to be
    // ours.
    let socket = sys::descriptors::adopt(number).ok()?;
    let record = receive(&socket)?;
    let _ = nix::unistd::close(number);
    Some((record, DaemonEnd(socket)))
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
