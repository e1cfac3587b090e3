//! The recipes of `docs/logs.md`, as they stand there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::log_rotation::stage::{gaps, numbers};
use crate::support::program;
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::session::shell;

const OPTIONS: &str = "pid=report.pid\nlog=report.log\nready=exec\nlog_rotate=1\ncontrol_flag=-s";

/// The block of code with this text in it.
pub(crate) fn recipe(text: &str) -> String {
    recipe_of("logs.md", text)
}

/// The same of another page.
pub(crate) fn recipe_of(page: &str, text: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(page);
    let page = fs::read_to_string(page).expect("the page");
    let blocks = page.split("```").skip(1).step_by(2);
    let found = blocks.filter_map(|block| block.split_once('\n'));
    let mut found = found
        .map(|(_, code)| code)
        .filter(|code| code.contains(text));
    let block = found.next().expect("a recipe").to_owned();
    assert_eq!(found.next(), None, "another recipe");
    block
}

impl Scratch {
    /// An executable `hello` with the options of these tests.
    fn hello(&self) -> PathBuf {
        let report = program::path("report");
        let script = format!(
            "#!/bin/sh\nTEST_OPTIONS='{OPTIONS}' exec {} \"$@\"\n",
            report.display()
        );
        let hello = self.write("hello", script);
        fs::set_permissions(&hello, fs::Permissions::from_mode(0o755)).expect("chmod");
        hello
    }
}

#[test]
fn logrotate_recipe_loses_no_line() {
    requires!(
        program("logrotate"),
        linux("the signal handlers of another process")
    );
    let scratch = Scratch::new();
    let daemon = scratch.writer(OPTIONS);
    let log = scratch.path("report.log").display().to_string();
    let config = recipe("endscript").replace("/var/log/hello.log", &log);
    let config = config.replace(
        "/usr/local/bin/hello",
        &scratch.hello().display().to_string(),
    );
    let config = scratch.write("logrotate.conf", config);
    fs::set_permissions(&config, fs::Permissions::from_mode(0o644)).expect("chmod");
    let logrotate = requires::find("logrotate").expect("logrotate");
    for _ in 0..3 {
        scratch.expect_growth("report.log");
        let start = scratch
            .start_path(&logrotate)
            .args(["--force", "--state", "state"]);
        let outcome = start.arg(&config).run();
        let said = (outcome.code(), outcome.out_text(), outcome.err_text());
        assert_eq!(said, (0, String::new(), String::new()));
    }
    scratch.expect_growth("report.log");
    daemon.stop();
    let logs = scratch.logs();
    assert_eq!(logs.len(), 4);
    let written = numbers(&logs.concat());
    assert!(gaps(&written).is_empty(), "{:?}", gaps(&written));
}

#[test]
fn crontab_recipe_rotates_the_log() {
    requires!(linux("the signal handlers of another process"));
    let scratch = Scratch::new();
    let daemon = scratch.writer(OPTIONS);
    scratch.expect_growth("report.log");
    let line = recipe("*/5 * * * *");
    let command = line
        .trim()
        .strip_prefix("*/5 * * * * ")
        .expect("five fields");
    let command = command.replace(
        "/usr/local/bin/hello",
        &scratch.hello().display().to_string(),
    );
    let outcome = scratch.start_path(&shell()).args(["-c", &command]).run();
    assert_eq!((outcome.code(), outcome.err_text()), (0, String::new()));
    scratch.expect_growth("report.log");
    assert!(scratch.path("report.log.1").exists());
    daemon.stop();
}
