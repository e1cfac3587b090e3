//! What somebody else may have planted.

use std::path::{Path, PathBuf};

use super::{Error, ErrorKind, shown};

/// Why a file, or the way to it, is not to be trusted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Distrust {
    /// A symbolic link on the way was made by this user.
    Link { link: PathBuf, maker: u32 },
    /// A directory on the way belongs to this user.
    Directory { directory: PathBuf, owner: u32 },
    /// Everyone can replace what is in this directory.
    Open { directory: PathBuf },
    /// The file belongs to this user.
    Owner(u32),
    /// The file has another name, where others can make names for other files.
    HardLink,
    /// Others can write to the file.
    Writable,
}

impl Error {
    pub(crate) fn untrusted_pid_file(path: &Path, distrust: &Distrust) -> Self {
        Self::untrusted("PID file", path, distrust)
    }

    pub(crate) fn untrusted_log(path: &Path, distrust: &Distrust) -> Self {
        Self::untrusted("log", path, distrust)
    }

    pub(crate) fn untrusted_directory(path: &Path, distrust: &Distrust) -> Self {
        Self::untrusted("directory", path, distrust)
    }

    fn untrusted(object: &str, path: &Path, distrust: &Distrust) -> Self {
        let what = format!("cannot use the {object} {}", shown(path));
        Self::words(ErrorKind::Configuration, what, reason(distrust))
    }
}

pub(super) fn reason(distrust: &Distrust) -> String {
    match distrust {
        Distrust::Link { link, maker } => {
            let link = shown(link);
            format!("the symbolic link {link} was made by user {maker}")
        }
        Distrust::Directory { directory, owner } => {
            let directory = shown(directory);
            format!("user {owner} can replace it: the directory {directory} is theirs")
        }
        Distrust::Open { directory } => {
            let directory = shown(directory);
            format!("anyone can replace it: the directory {directory} is writable by all")
        }
        Distrust::Owner(owner) => format!("it belongs to user {owner}"),
        Distrust::HardLink => {
            "it is a hard link, which somebody else may have made to another file".to_owned()
        }
        Distrust::Writable => "other users can write to it".to_owned(),
    }
}
