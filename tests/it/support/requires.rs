//! What a test needs of the machine.
//!
//! A test that cannot run says so and returns; as root on Linux with `CI` set it fails instead,
//! so that no build passes because its tests were skipped.

use std::io::{self, Write};
use std::path::PathBuf;
use std::{env, thread};

use nix::unistd::geteuid;

/// True if the test runs as root; a test that needs root returns otherwise.
#[must_use]
pub(crate) fn root() -> bool {
    geteuid().is_root() || skip("root")
}

/// True if the program is installed; a test that needs it returns otherwise.
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

fn tell_of_skip(what: &str) -> String {
    let test = thread::current().name().unwrap_or("?").to_owned();
    // Not `eprintln!`: the test harness shows that only for tests that fail.
    writeln!(io::stderr(), "SKIPPED {test}: needs {what}").expect("standard error");
    test
}
