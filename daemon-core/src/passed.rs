//! `passed`: the descriptors that `before_start` hands over to the daemon.

use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;

use crate::codec::encoded;
use crate::sys;

encoded! {
    /// A descriptor with its name, and its fd in the daemon.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct PassedFd {
        pub(crate) name: String,
        pub(crate) fd: i32,
    }
}

/// Those that the program has not taken yet.
static PASSED: Mutex<Vec<(String, OwnedFd)>> = Mutex::new(Vec::new());

/// Keeps the descriptors of the record for the program, and from the daemon's children.
pub(crate) fn keep(passed: &[PassedFd]) -> Result<(), Errno> {
    for PassedFd { name, fd } in passed {
        let fd = sys::descriptors::take_over(*fd)?;
        let mut kept = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push((name.clone(), fd));
    }
    Ok(())
}

/// Takes the descriptor that [`before_start`](crate::Daemon::before_start) has passed to this daemon
/// under this name, see [`Start::pass`](crate::Start::pass).
///
/// `None` if there is none, if it was taken before, and in the foreground, where `before_start` does
/// not run. The descriptor is close-on-exec.
///
/// ```
/// use std::fs::File;
/// use std::io::{self, Read};
///
/// fn passphrase() -> io::Result<String> {
///     let mut text = String::new();
///     match daemon::passed("passphrase") {
///         Some(fd) => File::from(fd).read_to_string(&mut text)?,
///         None => io::stdin().read_line(&mut text)?,
///     };
///     Ok(text.trim_end().to_owned())
/// }
/// ```
#[must_use]
pub fn passed(name: &str) -> Option<OwnedFd> {
    let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
    let at = passed.iter().position(|(other, _)| other == name)?;
    Some(passed.remove(at).1)
}
