//! Requirements of a test.
//!
//! A test that cannot run returns, and the last line of the run counts it. As root on Linux with `CI`
//! set the test fails instead, so that no build passes because its tests were skipped.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use std::{env, io, thread};

use nix::unistd::geteuid;

/// Skips the test unless the machine has all this: `requires!(root, program("flock"))`.
macro_rules! requires {
    ($($need:ident $(($($argument:expr),*))?),+) => {
        if $(!$crate::support::requires::$need($($($argument),*)?))||+ {
            return;
        }
    };
}

pub(crate) use requires;

/// True if the test runs as root.
#[must_use]
pub(crate) fn root() -> bool {
    geteuid().is_root() || skip("root")
}

/// True if the test can trace system calls and make them fail, see `strace(1)`.
#[must_use]
pub(crate) fn strace() -> bool {
    program("strace")
}

/// True if the test can create namespaces, see `unshare(1)`.
#[must_use]
pub(crate) fn namespaces() -> bool {
    root() && program("unshare")
}

/// True if the test can run programs as other users, with another user database.
#[must_use]
pub(crate) fn users() -> bool {
    namespaces() && program("setpriv")
}

/// True if the programs have a dynamic loader, which preloads a library of the test.
#[must_use]
pub(crate) fn preload() -> bool {
    machine(cfg!(not(target_env = "musl")), "a dynamic loader")
}

/// True on Linux. The launch by fork, which `cfg(daemon_fork)` tests, stands for the other Unix
/// systems: they lack what is named here.
#[must_use]
pub(crate) fn linux(_what: &str) -> bool {
    machine(cfg!(not(daemon_fork)), "the launch on Linux")
}

/// True if the program is installed.
#[must_use]
pub(crate) fn program(name: &str) -> bool {
    find(name).is_some() || skip(name)
}

/// The path of an installed program.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
}

/// True if the machine allows what the test does. Where it does not, no package could help: the skip
/// is counted, and is no failure anywhere.
#[must_use]
pub(crate) fn machine(allows: bool, what: &str) -> bool {
    if !allows {
        tell_of_skip(what);
    }
    allows
}

/// Counts the skip where the tests are run, and refuses it where it must not happen.
pub(crate) fn skip(what: &str) -> bool {
    let test = tell_of_skip(what);
    let strict = geteuid().is_root() && env::var("CI").is_ok_and(|ci| ci == "1" || ci == "true");
    assert!(!strict, "{test} needs {what}, and CI must have it");
    false
}

/// The tests that were skipped, and what each of them needs.
static SKIPPED: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

fn tell_of_skip(what: &str) -> String {
    let test = thread::current().name().unwrap_or("?").to_owned();
    let mut skipped = SKIPPED.lock().expect("the skipped tests");
    if skipped.is_empty() {
        // SAFETY: the handler is a function without arguments, and uses no thread-local value.
        unsafe { libc::atexit(count_skips) };
    }
    skipped.push((test.clone(), what.to_owned()));
    test
}

/// One line behind the summary of the test harness. The report of the faults asks for one more line
/// for each test.
extern "C" fn count_skips() {
    let Ok(skipped) = SKIPPED.lock() else {
        return;
    };
    let tests: BTreeSet<_> = skipped.iter().map(|(test, _)| test).collect();
    let mut needs = BTreeMap::new();
    for (_, what) in &*skipped {
        *needs.entry(what).or_insert(0) += 1;
    }
    let needs: Vec<_> = needs
        .iter()
        .map(|(what, count)| format!("{what} ({count})"))
        .collect();
    let mut lines = Vec::new();
    if env::var_os("TEST_SKIPS").is_some() {
        let line = |(test, what): &(String, String)| format!("SKIPPED {test}: needs {what}");
        lines.extend(skipped.iter().map(line));
    }
    let (count, needs) = (tests.len(), needs.join(", "));
    lines.push(format!("skipped {count} tests, which need: {needs}\n\n"));
    // Not `eprintln!`, which writes each part by itself.
    io::stderr().write_all(lines.join("\n").as_bytes()).ok();
}
