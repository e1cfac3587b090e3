//! A question such as `--help` beside the switch: the program answers it in the foreground.

use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStringExt;

use nix::errno::Errno;

use crate::detach::OWN_IMAGE;
use crate::error::Error;
use crate::sys;

/// Executes this program again in its own place, with this command line; returns when it failed.
pub(crate) fn execute_in_place(argv: Vec<OsString>) -> Error {
    let execute = || -> Result<std::convert::Infallible, Errno> {
        let strings = |list: Vec<Vec<u8>>| -> Result<Vec<CString>, Errno> {
            list.into_iter()
                .map(|bytes| CString::new(bytes).map_err(|_| Errno::EINVAL))
                .collect()
        };
        let argv = strings(argv.into_iter().map(OsString::into_vec).collect())?;
        let image = CString::new(OWN_IMAGE).map_err(|_| Errno::EINVAL)?;
        nix::unistd::execve(&image, &argv, &strings(sys::environment::entries())?)
    };
    match execute() {
        Err(errno) => Error::step("execute this program again", errno),
        Ok(never) => match never {},
    }
}
