//! The real logrotate(8).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::stage::{OPTIONS, gaps, numbers};
use crate::support::program::path as program;
use crate::support::requires;
use crate::support::scratch::Scratch;

impl Scratch {
    /// Runs the real tool once, with these directives for the log.
    pub(crate) fn logrotate(&self, directives: &str) {
        let log = self.path("report.log").display().to_string();
        let config = format!("{log} {{\n rotate 100\n nocompress\n {directives}\n}}\n");
        let config = self.write("logrotate.conf", config);
        fs::set_permissions(&config, fs::Permissions::from_mode(0o644)).expect("chmod");
        let output = Command::new("logrotate")
            .arg("--force")
            .arg("--state")
            .arg(self.path("logrotate.state"))
            .arg(&config)
            .current_dir(self.dir())
            .output()
            .expect("run logrotate");
        assert!(output.status.success(), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
    }
}

#[test]
fn logrotate_create_loses_no_line() {
    requires!(program("logrotate"));
    let scratch = Scratch::new();
    let daemon = scratch.writer(OPTIONS);
    let pid_file = scratch.path("report.pid").display().to_string();
    for _ in 0..10 {
        scratch.expect_growth("report.log");
        let hang_up = format!("kill -HUP `cat {pid_file}`");
        scratch.logrotate(&format!("create\n postrotate\n {hang_up}\n endscript"));
    }
    scratch.expect_growth("report.log");
    assert!(daemon.stop().expect("its status").success());
    let logs = scratch.logs();
    assert_eq!(logs.len(), 11, "ten old ones and the new one");
    let written = numbers(&logs.concat());
    let all: Vec<u64> = (1..).take(written.len()).collect();
    assert!(written == all, "lost or doubled: {:?}", gaps(&written));
}

/// Fault 313: the lines of the documentation, beside a daemon, without one, and without a log.
#[test]
fn documented_lines_for_logrotate_need_no_daemon() {
    requires!(
        program("logrotate"),
        linux("the signal handlers of another process")
    );
    let page = include_str!("../../../docs/logs.md");
    let lines = page
        .split_once("/var/log/hello.log {\n")
        .expect("the file")
        .1;
    let lines = lines.split_once("\n}\n").expect("its end").0;
    let scratch = Scratch::new();
    let report = program("report").display().to_string();
    let verb = format!("#!/bin/sh\nTEST_OPTIONS='{OPTIONS}' exec {report} \"$@\"\n");
    let verb = scratch.write("hello", verb);
    fs::set_permissions(&verb, fs::Permissions::from_mode(0o755)).expect("chmod");
    let lines = lines.replace("/usr/local/bin/hello", &verb.display().to_string());
    scratch.logrotate(&lines);
    let daemon = scratch.writer(OPTIONS);
    scratch.expect_growth("report.log");
    scratch.logrotate(&lines);
    scratch.expect_growth("report.log");
    drop(daemon);
    scratch.logrotate(&lines);
    assert_eq!(scratch.logs().len(), 3);
}

#[test]
fn logrotate_copytruncate_leaves_no_hole() {
    requires!(program("logrotate"));
    let scratch = Scratch::new();
    let daemon = scratch.writer(&OPTIONS.replace("log_reopen=1\n", ""));
    for _ in 0..10 {
        scratch.expect_growth("report.log");
        scratch.logrotate("copytruncate");
    }
    scratch.expect_growth("report.log");
    assert!(daemon.stop().expect("its status").success());
    let logs = scratch.logs();
    assert_eq!(logs.len(), 11, "ten old ones and the new one");
    let mut last = 0;
    for log in logs {
        // logrotate loses what is written between its copy and its truncation, see
        // its manual; a line may be copied in part. So the numbers begin later, but never earlier.
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let written = numbers(&format!("{whole}\n"));
        assert!(gaps(&written).is_empty(), "{:?}", gaps(&written));
        let first = written.first().copied().unwrap_or(u64::MAX);
        assert!(first > last, "{first} was written after {last}");
        last = written.last().copied().unwrap_or(last);
    }
}
