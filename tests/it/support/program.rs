//! The paths of the programs that the tests start.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The path of an example or a test program.
///
/// Cargo puts the examples of a package into `examples` beside the directory `deps` of the test
/// executables, and `cargo test` builds them all before it runs a test. Only a run that selects
/// targets (`cargo test --test background`) does not; then a program that is older than its
/// sources would be tested in silence, so this refuses it. `TEST_PROGRAMS` names another directory
/// of programs: it takes long to build these as a release is built, and no use to build the tests so.
pub(crate) fn path(name: &str) -> PathBuf {
    let program = directory().join(name);
    assert!(
        is_up_to_date(&program),
        "{} is older than its sources; add `--examples` to the cargo command",
        program.display()
    );
    program
}

fn directory() -> PathBuf {
    if let Some(programs) = env::var_os("TEST_PROGRAMS") {
        return fs::canonicalize(programs).expect("the directory TEST_PROGRAMS");
    }
    let deps = env::current_exe().expect("the path of the test");
    let profile = deps.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
    profile.join("examples")
}

/// Asks the list of sources that cargo leaves beside each program.
fn is_up_to_date(program: &Path) -> bool {
    let Ok(built) = fs::metadata(program).and_then(|program| program.modified()) else {
        return false;
    };
    let rule = fs::read_to_string(program.with_extension("d")).unwrap_or_default();
    let sources = rule.split_once(": ").map_or("", |(_, sources)| sources);
    // Spaces in a path are escaped in such a rule; then there is no cheap check.
    let changed = |source: &str| fs::metadata(source).and_then(|source| source.modified());
    rule.contains("\\ ")
        || sources
            .split_whitespace()
            .all(|source| changed(source).is_ok_and(|changed| changed <= built))
}
