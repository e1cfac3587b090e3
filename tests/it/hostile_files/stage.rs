//! The user that starts the program, the directory, and the files that must not change.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use nix::unistd::chown;

use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::users::UNPRIVILEGED;

pub(crate) const VICTIM: &str = "victim\n";

/// Everything about a file that an attack could change.
#[derive(Debug, PartialEq)]
pub(crate) struct State {
    content: Vec<u8>,
    owner: (u32, u32),
    mode: u32,
    modified: (i64, i64),
}

pub(crate) fn state(path: &Path) -> State {
    let metadata = fs::symlink_metadata(path).expect("the victim");
    State {
        content: fs::read(path).expect("the victim"),
        owner: (metadata.uid(), metadata.gid()),
        mode: metadata.mode(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
    }
}

/// The user that starts the program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Starter {
    Root,
    Unprivileged,
}

pub(crate) use Starter::{Root, Unprivileged};

impl Starter {
    pub(crate) fn uid(self) -> u32 {
        if self == Root { 0 } else { UNPRIVILEGED }
    }

    pub(crate) fn start(self, scratch: &Scratch) -> Start {
        let start = match self {
            Root => scratch.start("report"),
            Unprivileged => scratch.start_path(&scratch.reachable()).user(UNPRIVILEGED),
        };
        start.arg("-d").does("stay")
    }
}

/// A directory with an owner and a mode.
pub(crate) fn place(scratch: &Scratch, owner: u32, mode: u32) {
    let place = scratch.directory_of(owner, "place");
    fs::set_permissions(place, Permissions::from_mode(mode)).expect("chmod");
}

pub(crate) fn give(path: &Path, owner: u32, mode: u32) {
    chown(path, Some(owner.into()), Some(owner.into())).expect("chown");
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("chmod");
}

/// Starts with the PID file `place/report.pid`, and then with the log `place/report.log`.
pub(crate) fn expect_each_refused(
    scratch: &Scratch,
    starter: Starter,
    status: i32,
    words: &[&str],
) {
    for (options, object) in [
        ("pid=place/report.pid", "PID file"),
        ("log=place/report.log", "log"),
    ] {
        let launch = starter.start(scratch).options(options).run();
        let words = [&[object], words].concat();
        scratch.expect_refusal(&launch, status, &words);
    }
}

/// Both names, for a test that plants something under each.
pub(crate) fn names(scratch: &Scratch) -> [std::path::PathBuf; 2] {
    ["place/report.pid", "place/report.log"].map(|name| scratch.path(name))
}
