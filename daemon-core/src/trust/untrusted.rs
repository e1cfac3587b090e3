//! `Untrusted`, the reason why a path is refused.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::error::{Error, ErrorKind, shown, system_message};

/// Why a file, or the way to it, is not to be trusted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Untrusted {
    /// This user made a symbolic link on the way.
    Link { link: PathBuf, maker: u32 },
    /// This user owns a directory on the way.
    Directory { directory: PathBuf, owner: u32 },
    /// This user, if it is known, says what is in the file system that this directory is in.
    FileSystem {
        directory: PathBuf,
        mounter: Option<u32>,
    },
    /// This directory is missing, or cannot be looked at.
    Unseen { directory: PathBuf, errno: Errno },
    /// Every user can replace what is in this directory.
    Open { directory: PathBuf },
    /// This user owns the file.
    Owner(u32),
    /// The file has another name, and other users can create names in its directory.
    HardLink,
    /// Other users can write to the file.
    Writable,
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link { link, maker } => {
                let link = shown(link);
                write!(f, "the symbolic link {link} was made by user {maker}")
            }
            Self::Directory { directory, owner } => {
                let directory = shown(directory);
                write!(
                    f,
                    "user {owner} owns the directory {directory} and can replace it"
                )
            }
            Self::FileSystem { directory, mounter } => {
                let directory = shown(directory);
                match mounter {
                    Some(user) => write!(f, "user {user} mounted the file system of {directory}"),
                    None => write!(f, "another user mounted the file system of {directory}"),
                }
            }
            Self::Unseen { directory, errno } => {
                let (directory, reason) = (shown(directory), system_message(&(*errno).into()));
                write!(f, "the directory {directory} cannot be inspected: {reason}")
            }
            Self::Open { directory } => {
                let directory = shown(directory);
                write!(
                    f,
                    "any user can replace it: the directory {directory} is writable by all"
                )
            }
            Self::Owner(owner) => write!(f, "it belongs to user {owner}"),
            Self::HardLink => f.write_str("it is a hard link that another user may have made"),
            Self::Writable => f.write_str("other users can write to it"),
        }
    }
}

impl Untrusted {
    pub(super) fn unseen(directory: &Path, cause: &io::Error) -> Self {
        Self::Unseen {
            directory: directory.to_owned(),
            errno: cause.raw_os_error().map_or(Errno::EIO, Errno::from_raw),
        }
    }

    /// Why a directory on the way was not found: the error that an open would have had.
    pub(crate) fn cause(&self) -> Option<io::Error> {
        match self {
            Self::Unseen { errno, .. } => Some((*errno).into()),
            _ => None,
        }
    }

    /// The error of a start that needs this object: the PID file, the log or a directory.
    pub(crate) fn error(&self, object: &str, path: &Path) -> Error {
        let what = format!("cannot use the {object} {}", shown(path));
        Error::new(ErrorKind::Configuration, what, self.to_string())
    }
}
