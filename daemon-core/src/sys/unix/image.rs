//! Which program this is. Only its path is known, so what is executed again is the file of that
//! path.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::unistd::{getegid, geteuid, getgid, getuid};

use crate::files::FileId;

/// The file of this program.
#[derive(Debug)]
pub(crate) struct Image {
    path: PathBuf,
    file: FileId,
}

impl Image {
    /// How it is named in a message.
    pub(crate) const NAME: &str = "its path";

    /// It is always found where the system knows its path: a loader that was told to run a program
    /// cannot be told from it.
    pub(crate) fn of_this_process() -> io::Result<Option<Self>> {
        let path = std::env::current_exe()?;
        let file = FileId::of_target(&path)?;
        Ok(Some(Self { path, file }))
    }

    /// What to execute, if it is still the file that had this path when the launch began.
    pub(crate) fn path(&self) -> io::Result<CString> {
        if FileId::of_target(&self.path)? != self.file {
            return Err(Errno::ESTALE.into());
        }
        Ok(CString::new(self.path.clone().into_os_string().into_vec())?)
    }
}

/// Whether an emulator runs this program; not known.
pub(crate) fn is_emulated() -> bool {
    false
}

/// The name of this process.
pub(crate) fn comm() -> OsString {
    let path = std::env::current_exe().unwrap_or_default();
    path.file_name().unwrap_or_default().to_owned()
}

/// Executed by its path, a program has its name from it.
pub(crate) fn set_comm(_comm: &OsStr) {}

/// Whether the file of this program gives the ids of its owner to another user.
pub(crate) fn gives_ids() -> bool {
    let Ok(image) = std::env::current_exe().and_then(std::fs::metadata) else {
        return is_secure();
    };
    let has = |bit: libc::mode_t| image.mode() & u32::from(bit) != 0;
    (has(libc::S_ISUID) && image.uid() != getuid().as_raw())
        || (has(libc::S_ISGID) && image.gid() != getgid().as_raw())
}

/// Whether this program has more rights than its caller.
pub(crate) fn is_secure() -> bool {
    getuid() != geteuid() || getgid() != getegid()
}
