//! How the daemon finds its end of the hand-off, and takes the record.

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::unistd::getpid;

use super::daemon_end::DaemonEnd;
use super::record::{Carried, RECORD_MAX, Record};
use crate::number;
use crate::sys;
use crate::sys::socket::{KIND, int_option, is_made_by, receive_message};

/// The variable that names the descriptor of the daemon's end of the socket pair.
pub(crate) const MARKER: &str = "__DAEMON_HANDOFF";

/// Most records are shorter: the daemon is to keep no more memory than it needs.
const RECORD_CAPACITY: usize = 1024;

/// The entry of the environment that tells the daemon where the hand-off is, but for the daemon's pid
/// at its end.
pub(crate) fn marker(socket: BorrowedFd<'_>) -> String {
    format!("{MARKER}={}:", socket.as_raw_fd())
}

/// Takes the hand-off, if this process was given one, and removes every trace of it. The record lives as
/// long as the process.
///
/// A variable that was forged, leaked or inherited without its descriptor means nothing.
pub(crate) fn take() -> Option<(&'static mut Record, DaemonEnd)> {
    let value = std::env::var_os(MARKER)?;
    sys::environment::set(OsStr::new(MARKER), None);
    // No launcher starts a set-uid program, so such a record comes from its caller.
    if sys::ids::are_borrowed() {
        return None;
    }
    let (fd, pid) = value.to_str()?.split_once(':')?;
    // A child that the daemon made before this call has the socket as well.
    if number::parse(pid, 10) != Some(getpid().as_raw()) {
        return None;
    }
    let fd: RawFd = number::parse(fd, 10)?;
    // A copy: the descriptor under this fd stays as it is until it is verified as the hand-off
    // socket.
    let socket = sys::descriptors::adopt(fd).ok()?;
    let record = receive(&socket)?;
    let _ = nix::unistd::close(fd);
    Some((record, DaemonEnd::new(socket)))
}

impl Carried {
    /// The end that leads to the launcher which the program before had.
    pub(crate) fn take_launcher(&self) -> Option<DaemonEnd> {
        let socket = sys::descriptors::take_over(self.launcher?).ok()?;
        Some(DaemonEnd::new(socket))
    }
}

/// Reads the record, and consumes it, so that it cannot be taken twice.
fn receive(socket: &OwnedFd) -> Option<&'static mut Record> {
    if int_option(socket.as_fd(), libc::SO_TYPE) != Ok(KIND) {
        return None;
    }
    let mut bytes = vec![0; RECORD_CAPACITY];
    let mut receive = |flags| -> Option<&'static mut Record> {
        let flags = flags | libc::MSG_DONTWAIT;
        let length = loop {
            let received = receive_message(socket.as_fd(), &mut bytes, &mut [], flags);
            let (length, is_cut) = received.ok()?;
            if !is_cut {
                break length;
            }
            let longer = bytes.len() * 2;
            if longer > RECORD_MAX {
                return None;
            }
            bytes.resize(longer, 0);
        };
        let record = Record::from_bytes(bytes.get(..length)?).ok()?;
        Some(Box::leak(Box::new(record)))
    };
    // Looking comes first: a message on another socket must not be consumed.
    let record = receive(libc::MSG_PEEK)?;
    if !is_made_by(record.launcher, socket) {
        return None;
    }
    receive(0)
}
