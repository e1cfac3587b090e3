//! A drop of privileges that fails half-way.

use std::fs;

use crate::support::scratch::Scratch;
use crate::support::users::HELLO;
use crate::support::{program, requires, users};

#[test]
fn a_step_of_the_drop_that_fails_ends_the_start_before_user_code() {
    if !users::available() || !requires::program("strace") {
        return;
    }
    for call in ["setgroups", "setgid", "setuid"] {
        for (errno, words) in [
            ("EAGAIN", "Resource temporarily unavailable"),
            ("EINVAL", "Invalid argument"),
            ("EPERM", "Operation not permitted"),
        ] {
            let scratch = Scratch::new();
            scratch.directory_of(HELLO, "out");
            let inject = format!("-einject={call}:error={errno}");
            let before = ["strace", "-f", "-qqq", "-o", "trace", &inject];
            let start = |before: &[&str], steps: &str| {
                let options = "pid=report.pid\nlog=report.log\nready=exec\nuser=hello";
                let start = scratch.among_users(&program::path("report"), before);
                start.arg("-d").options(options).does(steps).run()
            };
            let launch = start(&before, "create:out/file hang");
            scratch.expect_refusal(&launch, 77, &[words]);
            let out = fs::read_dir(scratch.path("out")).expect("out");
            assert_eq!(out.count(), 0, "no code of the program ran");
            scratch.daemon_of(start(&[], "hang"), "report.pid");
        }
    }
}
