//! How the tests here start their programs, and what they look at.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::support::daemon::{Daemon, read_report};
use crate::support::program;
use crate::support::report::Report;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::users::HELLO;

/// `report -d` as root among the users, with these words before it.
pub(crate) fn start(scratch: &Scratch, before: &[&str]) -> Start {
    scratch
        .among_users(&program::path("report"), before)
        .arg("-d")
}

/// A scratch directory with a directory that the user `hello` may write to.
pub(crate) fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.directory_of(HELLO, "out");
    scratch
}

pub(crate) fn up(scratch: &Scratch, start: Start) -> (Daemon, Report) {
    let daemon = scratch.daemon_of(start.run(), "report.pid");
    let report = read_report(&scratch.path("out/report.json"));
    assert_eq!(report.pid, daemon.pid());
    (daemon, report)
}

pub(crate) fn expect_ids(report: &Report, uid: u32, gid: u32, groups: &[u32]) {
    assert_eq!(report.uids, [uid; 4]);
    assert_eq!(report.gids, [gid; 4]);
    let mut set = report.groups.clone();
    // musl names the primary group twice.
    set.dedup();
    assert_eq!(set, groups);
}

pub(crate) fn expect_variables(report: &Report, home: Option<&str>, user: Option<&str>) {
    for (name, value) in [("HOME", home), ("USER", user), ("LOGNAME", user)] {
        assert_eq!(report.variable(name), value.map(str::as_bytes), "{name}");
    }
}

pub(crate) fn owner(path: impl AsRef<Path>) -> (u32, u32, u32) {
    let it = fs::symlink_metadata(path).expect("something to look at");
    (it.uid(), it.gid(), it.mode() & 0o7777)
}
