//! A question such as `--help` beside the switch: the program answers it in the foreground.

use std::ffi::{CString, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt;

use nix::errno::Errno;

use super::refusals;
use crate::error::Error;
use crate::sys;

/// Executes this program again in its own place, with this command line; returns when it failed.
pub(crate) fn execute_in_place(argv: Vec<OsString>) -> Error {
    let image = match refusals::own_image() {
        Ok(image) => image,
        Err(error) => return error,
    };
    let execute = || -> io::Result<std::convert::Infallible> {
        let strings = |list: Vec<Vec<u8>>| -> Result<Vec<CString>, Errno> {
            list.into_iter()
                .map(|bytes| CString::new(bytes).map_err(|_| Errno::EINVAL))
                .collect()
        };
        let argv = strings(argv.into_iter().map(OsString::into_vec).collect())?;
        let environment = strings(sys::environment::entries())?;
        Ok(nix::unistd::execve(&image.path()?, &argv, &environment)?)
    };
    match execute() {
        Err(error) => Error::step("execute this program again", error),
        Ok(never) => match never {},
    }
}
