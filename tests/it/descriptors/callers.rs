//! Callers that wait for the end of an inherited descriptor, and high descriptor limits.

use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;

use crate::support::daemon::{Daemon, read_report};
use crate::support::outcome::Outcome;
use crate::support::scratch::Scratch;
use crate::support::{program, requires};

/// A caller that has its prompt back, and a daemon that has nothing of it.
fn expect_let_go(scratch: &Scratch, caller: Outcome) -> Daemon {
    let daemon = scratch.daemon_of(caller, "report.pid");
    let report = daemon.report();
    let streams = report.descriptors.iter().filter(|it| it.fd <= 2);
    let above = report.descriptors_above_two();
    let targets: Vec<_> = streams.chain(&above).map(|it| &it.target[..]).collect();
    let [log, pid_file] = ["report.log", "report.pid"].map(|name| scratch.path(name));
    let [log, pid_file] = [&log, &pid_file].map(|path| path.as_os_str().as_bytes());
    assert_eq!(targets, [b"/dev/null", log, log, pid_file]);
    daemon
}

#[test]
fn pipeline_ends_with_the_launcher() {
    for commands in [
        "$0 -d | cat",
        "$0 -d 2>&1 | tee shown",
        "answer=$($0 -d 2>&1); test -z \"$answer\"",
        "{ $0 -d; } 3>&1 4<&0 | cat",
    ] {
        let scratch = Scratch::new();
        let caller = scratch.shell(commands).run();
        assert_eq!(caller.out_text(), "", "{commands}");
        expect_let_go(&scratch, caller);
        scratch.expect_order();
    }
}

#[test]
fn make_does_not_wait_and_keeps_its_jobserver() {
    requires!(program("make"));
    let scratch = Scratch::new();
    let report = program::path("report");
    // The plus sign gives the recipe the descriptors of the jobserver.
    scratch.write(
        "Makefile",
        format!(
            "all: one two\none:\n\t+@{} -d\ntwo:\n\t@true\n",
            report.display()
        ),
    );
    let make = requires::find("make").expect("make");
    let caller = scratch.report().via(&make).args(["-s", "-j2"]).run();
    assert_eq!(caller.err_text(), "", "no token of the jobserver is lost");
    expect_let_go(&scratch, caller);
    scratch.expect_order();
}

#[test]
fn ssh_session_ends_with_the_launcher() {
    requires!(namespaces, program("ssh"));
    let sshd = std::path::Path::new("/usr/sbin/sshd");
    if !sshd.exists() {
        let _may_be_skipped = requires::skip("sshd");
        return;
    }
    let scratch = Scratch::new();
    let keygen = requires::find("ssh-keygen").expect("it comes with ssh");
    for key in ["host", "user"] {
        let start = scratch.start_path(&keygen).args(["-q", "-t", "ed25519"]);
        assert_eq!(start.args(["-N", "", "-f", key]).run().code(), 0);
    }
    let at = |name: &str| scratch.path(name).display().to_string();
    scratch.write(
        "sshd_config",
        format!(
            "HostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\n\
             PermitRootLogin prohibit-password\nPidFile none\n",
            at("host"),
            at("user.pub"),
        ),
    );
    // The server gives the session a new environment.
    let remote = format!(
        "cd {}\nexport TEST_MARK={} TEST_REPORT=report.json TEST_DOES='report stay'\n\
         export TEST_OPTIONS='pid=report.pid\nlog=report.log'\n{} -d\n",
        scratch.dir().display(),
        scratch.mark(),
        program::path("report").display(),
    );
    let remote = scratch.write("remote", remote);
    fs::set_permissions(&remote, Permissions::from_mode(0o755)).expect("chmod");
    // A real server with no port, at the other end of two pipes.
    let server = scratch.write(
        "server",
        format!(
            "mount -t tmpfs tmpfs /run && mkdir /run/sshd && exec {} -i -f {}",
            sshd.display(),
            at("sshd_config"),
        ),
    );
    let proxy = format!("unshare -m --propagation private sh {}", server.display());
    let ssh = requires::find("ssh").expect("ssh");
    let caller = scratch
        .report()
        .via(&ssh)
        .args(["-F", "none", "-i", &at("user"), "-o", "BatchMode=yes"])
        .args(["-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"])
        .args(["-o", "UserKnownHostsFile=/dev/null"])
        .args(["-o", &format!("ProxyCommand={proxy}"), "root@host"])
        .arg(format!("sh {}", remote.display()))
        .run();
    expect_let_go(&scratch, caller);
    scratch.expect_order();
}

#[test]
fn lock_of_the_caller_ends_with_the_launcher() {
    requires!(program("flock"));
    for commands in [
        "flock lock $0 -d; flock -n lock true",
        "exec 9>lock; flock 9; $0 -d; exec 9>&-; flock -n lock true",
    ] {
        let scratch = Scratch::new();
        let caller = scratch.shell(commands).run();
        expect_let_go(&scratch, caller);
        scratch.expect_order();
    }
}

#[test]
fn limit_of_a_billion_descriptors_costs_nothing() {
    requires!(linux("close_range(2)"), strace);
    let scratch = Scratch::new();
    // What the system tells of the limit, and a system in which every descriptor is closed alone.
    let limit = "-einject=prlimit64:retval=0:poke_exit=@arg4=00ca9a3b0000000000ca9a3b00000000";
    let launch = scratch
        .background()
        .traced(&[limit, "-einject=close_range:error=ENOSYS"])
        .inherit(File::open("/dev/zero").expect("/dev/zero"), 3, 100)
        .does("report")
        .run();
    assert_eq!(launch.code(), 0, "{launch:?}");
    let trace = scratch.read("trace");
    assert!(trace.contains("close_range(3, "), "the fault was met");
    // Not counted in time, which strace takes much of.
    assert!(trace.lines().count() < 3000, "{}", trace.lines().count());
    let report = read_report(&scratch.path("report.json"));
    assert_eq!(report.descriptors_above_two().len(), 1);
}
