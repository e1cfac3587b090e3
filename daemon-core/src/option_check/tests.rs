use std::time::Duration;

use super::*;
use crate::daemon::Daemon;

fn complaint(daemon: &Daemon) -> Option<String> {
    let error = daemon.check.result().err()?;
    assert_eq!(error.exit_status(), 78);
    Some(error.to_string())
}

#[test]
fn builder_refuses_what_the_attribute_refuses() {
    let new = Daemon::new;
    // On the heap: the array is large.
    for (daemon, expected) in vec![
        (
            new().pid_mode(0o400),
            "`pid_mode`: must let its owner read and write",
        ),
        (
            new().log_mode(0o1640),
            "`log_mode`: must be at most `0o777`",
        ),
        (new().umask(0o1000), "`umask`: must be at most `0o777`"),
        (new().log_rotate(0), "`log_rotate`: must be at least 1 byte"),
        (new().log_keep(0), "`log_keep`: must be 1 to 1000"),
        (new().log_keep(1001), "`log_keep`: must be 1 to 1000"),
        (new().syslog("kern"), "`syslog`: `kern` is no facility"),
        (new().syslog("-"), "`syslog`: `-` is no facility"),
        (new().user(""), "`user`: the name must not be empty"),
        (new().group(""), "`group`: the name must not be empty"),
        (
            new().keep_fds([2]),
            "`keep_fds`: descriptors 0, 1 and 2 are always redirected",
        ),
        (
            new().keep_fds([-1]),
            "`keep_fds`: -1 is not a file descriptor",
        ),
        (
            new().keep_fds([3, 4, 3]),
            "`keep_fds`: descriptor `3` is listed twice",
        ),
        (
            new().subcommand([""]),
            "`subcommand`: the subcommand must not be empty",
        ),
        (
            new().subcommand(["-x"]),
            "`subcommand`: a subcommand does not begin with a dash",
        ),
        (
            new().stop_signal(Signal::SIGKILL),
            "`stop_signal`: takes a signal that can be caught",
        ),
        (
            new().log_reopen(Signal::SIGKILL),
            "`log_reopen`: `SIGKILL` cannot be caught",
        ),
        (
            new().log_reopen(Signal::SIGTERM),
            "`log_reopen`: `SIGTERM` ends a program",
        ),
        (
            new().background_flag(["-h"]),
            "`background_flag`: flag `-h` is reserved",
        ),
        (
            new().foreground_flag(["f"]),
            "a flag begins with a dash: `-f`",
        ),
        (
            new().pid_flag("--p"),
            "a flag of one letter has a single dash: `-p`",
        ),
        (
            new().log_flag("-log"),
            "short flag `-log` has more than one letter; write `--log`",
        ),
        (
            new().control_flag("---ctl"),
            "flag `---ctl` has too many dashes; write `--ctl`",
        ),
        (
            new().control_flag("--ctl="),
            "flag `--ctl=` must not carry a value",
        ),
        (new().control_flag("--"), "`--` is not a flag"),
        (
            new().control_flag("--a b"),
            "flag `--a b` must not contain white space",
        ),
        (new().control_flag(""), "the flag must not be empty"),
    ] {
        let complaint = complaint(&daemon).unwrap_or_default();
        assert!(complaint.contains(expected), "{complaint}");
    }
}

#[test]
fn right_value_takes_the_complaint_back() {
    let daemon = Daemon::new().umask(0o7777).pid_mode(0).umask(0o022);
    assert!(complaint(&daemon).is_some_and(|complaint| complaint.contains("`pid_mode`")));
    assert_eq!(complaint(&daemon.pid_mode(0o600)), None);
    let usual = Daemon::new().keep_fds([3, 9]).ready_timeout(Duration::ZERO);
    assert_eq!(complaint(&usual.background_flag(["-d", "--detach"])), None);
}
