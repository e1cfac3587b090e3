//! Identities that the daemon cannot have: the start fails before `main`.

use std::fs;

use super::stage::{expect_ids, scratch, start};
use crate::support::daemon::read_report;
use crate::support::scratch::Scratch;
use crate::support::users::{CREW, HELLO, UNPRIVILEGED};
use crate::support::{program, requires};

#[test]
fn empty_user_is_refused() {
    let scratch = Scratch::new();
    let launch = scratch.background().options("user=").run();
    scratch.expect_refusal(&launch, 78, &["option `user`", "must not be empty"]);
}

#[test]
fn unknown_user_creates_nothing() {
    let scratch = Scratch::new();
    for (option, words) in [
        ("user=no-such-user", "user no-such-user"),
        ("user=-1", "user -1"),
        ("user=+0", "user +0"),
        // To the system it means: unchanged.
        ("user=4294967295", "user 4294967295"),
        ("user=4294967296", "user 4294967296"),
        ("group=no-such-group", "group no-such-group"),
        ("group=4294967295", "group 4294967295"),
    ] {
        let options = format!("pid=report.pid\nlog=report.log\n{option}");
        let launch = scratch.background().options(options).run();
        scratch.expect_refusal(&launch, 67, &[words, "no such"]);
        for file in ["report.pid", "report.log", "report.json"] {
            assert!(!scratch.path(file).exists(), "{file}");
        }
    }
}

#[test]
fn ordinary_user_can_only_name_itself() {
    requires!(users);
    let setpriv = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--groups=65534,4713",
    ];
    for option in [
        "user=hello",
        "user=root",
        "user=0",
        "group=crew",
        "user=nobody\ngroup=crew",
    ] {
        let scratch = Scratch::new();
        scratch.directory_of(UNPRIVILEGED, "out");
        let options = format!("pid=out/report.pid\n{option}");
        let launch = start(&scratch, &setpriv).options(options).run();
        scratch.expect_refusal(&launch, 77, &["requires root"]);
        assert!(!scratch.path("out/report.pid").exists());
    }
    for option in ["user=nobody", "user=65534\ngroup=nogroup", "group=65534"] {
        let scratch = Scratch::new();
        scratch.directory_of(UNPRIVILEGED, "out");
        let option = option.replace("nogroup", "65534");
        let options = format!("pid=out/report.pid\n{option}");
        let start = start(&scratch, &setpriv).options(options);
        let launch = start.env("HOME", "/somewhere").run();
        scratch.daemon_of(launch, "out/report.pid");
        let report = read_report(&scratch.path("out/report.json"));
        expect_ids(&report, UNPRIVILEGED, UNPRIVILEGED, &[CREW, UNPRIVILEGED]);
        assert_eq!(report.variable("HOME"), Some(&b"/somewhere"[..]));
    }
}

#[test]
fn refused_id_change_fails_before_main() {
    requires!(users);
    for (before, words) in [
        (
            &["setpriv", "--bounding-set=-setgid", "--inh-caps=-setgid"][..],
            ["groups of the user hello", "Operation not permitted"],
        ),
        (
            &["setpriv", "--bounding-set=-setuid", "--inh-caps=-setuid"],
            ["become the user hello", "Operation not permitted"],
        ),
        // Capabilities that outlast the change of ids are a way back.
        (
            &["setpriv", "--securebits=+no_setuid_fixup"],
            ["root privileges", "regained"],
        ),
        // root of this namespace maps no other user.
        (
            &["unshare", "-U", "-r"],
            ["groups of the user hello", "Operation not permitted"],
        ),
    ] {
        let scratch = scratch();
        for ready in ["exec", "settled", "notify"] {
            let options = format!("pid=report.pid\nlog=report.log\nuser=hello\nready={ready}");
            let steps = "create:out/file report stay";
            let start = start(&scratch, before).options(options).does(steps);
            scratch.expect_refusal(&start.run(), 77, &words);
            assert_eq!(
                fs::read_dir(scratch.path("out")).expect("out").count(),
                0,
                "no code of the program ran"
            );
        }
    }
}

#[test]
fn id_change_that_did_nothing_is_noticed() {
    requires!(users, strace);
    for (calls, words) in [
        // Only the first call: the others tell the truth about what has not been changed.
        ("setgroups:retval=0:when=1", &[][..]),
        ("setgid:retval=0:when=1", &[]),
        ("setuid:retval=0:when=1", &[]),
        // A group that root can be in gives no way back to it.
        (
            "setgid:retval=0:when=1",
            &["setpriv", "--regid=27", "--clear-groups"],
        ),
        // Capabilities that are not shown are a way back too.
        (
            "capget,capset:retval=0",
            &["setpriv", "--securebits=+no_setuid_fixup"],
        ),
    ] {
        let scratch = scratch();
        let inject = format!("-einject={calls}");
        let options = "pid=report.pid\nlog=report.log\nuser=hello";
        let strace = ["strace", "-f", "-qqq", "-o", "trace", &inject];
        let start = start(&scratch, &[words, &strace].concat());
        let launch = start.options(options).does("create:out/file").run();
        scratch.expect_refusal(&launch, 77, &["root privileges"]);
        assert!(!scratch.path("out/file").exists(), "{calls}");
    }
}

#[test]
fn injected_id_error_fails_before_main() {
    requires!(users, strace);
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
