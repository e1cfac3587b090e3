//! Programs that fail inside a test: the test fails at once, with their words.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use crate::support::outcome::Output;

/// The file in the directory of a test where the program `report` writes why a step failed.
pub(crate) const FAILED_STEP: &str = ".failed-step";

thread_local! {
    static DIRECTORIES: RefCell<Vec<PathBuf>> = const { RefCell::new(Vec::new()) };
    static LAUNCHES: RefCell<Vec<(Pid, Weak<Output>)>> = const { RefCell::new(Vec::new()) };
}

/// Looks into this directory from now on, for the test of this thread.
pub(crate) fn watch_directory(directory: &Path) {
    DIRECTORIES.with_borrow_mut(|all| all.push(directory.to_owned()));
}

pub(crate) fn unwatch_directory(directory: &Path) {
    DIRECTORIES.with_borrow_mut(|all| all.retain(|it| it != directory));
}

/// Looks at this child while the test holds its output.
pub(crate) fn watch_launch(pid: i32, output: &Arc<Output>) {
    LAUNCHES.with_borrow_mut(|all| {
        all.retain(|(_, output)| output.strong_count() > 0);
        all.push((Pid::from_raw(pid), Arc::downgrade(output)));
    });
}

/// Fails the test if a step of a program has failed.
pub(crate) fn expect_no_failed_step() {
    DIRECTORIES.with_borrow(|all| {
        for directory in all {
            if let Ok(words) = fs::read_to_string(directory.join(FAILED_STEP)) {
                panic!("a step of the program failed: {words}");
            }
        }
    });
}

/// Fails the test if every program that it has started and not waited for has failed, so that none
/// is left to do what the test waits for.
pub(crate) fn expect_running_program() {
    let outputs = LAUNCHES.with_borrow(|all| {
        let live = all
            .iter()
            .filter_map(|(pid, output)| Some((*pid, output.upgrade()?)));
        live.collect::<Vec<_>>()
    });
    let has_failed = |pid| {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        let status = waitid(Id::Pid(pid), flags);
        matches!(status, Ok(WaitStatus::Exited(_, 1..)))
    };
    if !outputs.is_empty() && outputs.iter().all(|(pid, _)| has_failed(*pid)) {
        let words: Vec<_> = outputs
            .iter()
            .map(|(_, output)| output.at_the_end())
            .collect();
        panic!("the program failed: {}", words.join("\n"));
    }
}
