//! The identity of the daemon: user, groups, variables and privileges.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::stage::{expect_ids, expect_variables, owner, scratch, start, up};
use crate::support::daemon::read_report;
use crate::support::lock;
use crate::support::lock::PID_MODE;
use crate::support::process::status_field;
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::users::{CREW, HELLO, HELLO_GROUP};

/// Fault 297: the path of its PID file is that of another user.
#[test]
fn daemon_of_another_user_is_no_client_of_another_daemon() {
    requires!(users);
    let scratch = scratch();
    // None of this on the machine itself.
    let prepare = "mount -t tmpfs -o mode=755 tmpfs /run || exit 99; readlink /proc/self/ns/mnt";
    let options = "pid_template={pid_dir}/report.pid\nlog=report.log\nworkdir=out\nuser=hello";
    let found = scratch.path("out/found");
    let steps = format!("ensure:{} report stay", found.display());
    let start = start(&scratch, &[]).env("PREPARE", prepare);
    let launch = start.options(options).does(&steps).run();
    assert_eq!((launch.code(), launch.err_text()), (0, String::new()));
    let report = read_report(&scratch.path("out/report.json"));
    let line = format!("{} true\n", report.pid);
    assert_eq!(scratch.read("out/found"), line.repeat(2));
}

#[test]
fn daemon_keeps_no_identity_of_root() {
    requires!(users);
    let scratch = scratch();
    // The groups of the caller are not those of the user.
    let caller = ["setpriv", "--groups=4,27"];
    let options = "pid=report.pid\nlog=report.log\nuser=hello\numask=027\ncontrol_flag=-s";
    let (daemon, report) = up(
        &scratch,
        start(&scratch, &caller)
            .options(options)
            .does("regain create:out/file report stay"),
    );
    expect_ids(&report, HELLO, HELLO_GROUP, &[HELLO_GROUP, CREW]);
    expect_variables(&report, Some("/home/hello"), Some("hello"));
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        let set = status_field(daemon.pid(), set).expect("a set");
        assert_eq!(set.trim_start_matches('0'), "", "no capability");
    }
    // Only the lock of the PID file is open besides the streams.
    let open = report.descriptors_above_two();
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!(
        Path::new(std::ffi::OsStr::new(&*String::from_utf8_lossy(
            &open[0].target
        ))),
        daemon.pid_file
    );
    assert_eq!(
        owner(scratch.path("out/file")),
        (HELLO, HELLO_GROUP, 0o640),
        "what it makes is its own"
    );
    assert_eq!(
        owner(&daemon.pid_file),
        (0, 0, PID_MODE),
        "the file stays root's"
    );
    assert_eq!(
        owner(scratch.path("report.log")),
        (HELLO, HELLO_GROUP, 0o640)
    );
    assert_eq!(daemon.launch.err_text(), "");

    // It may not remove what is root's; unlocked, the file means nothing.
    let pid_file = daemon.pid_file.clone();
    assert!(daemon.stop().is_some_and(|status| status.success()));
    assert!(pid_file.exists() && !lock::is_held(&pid_file));
    fs::remove_file(scratch.path("out/report.json")).expect("the first report");
    let (daemon, _) = up(&scratch, start(&scratch, &[]).options(options));
    // Root may.
    let stop = scratch.report().options(options).args(["-s", "stop"]);
    assert_eq!(stop.run().code(), 0);
    assert!(!daemon.process.is_alive() && !pid_file.exists());
}

#[test]
fn dumpable_and_no_new_privs_stay_as_they_were() {
    requires!(users);
    for (before, no_new_rights) in [(&[][..], "0"), (&["setpriv", "--no-new-privs"][..], "1")] {
        let scratch = scratch();
        let options = "pid=report.pid\nlog=report.log\nuser=hello";
        let (daemon, _) = up(&scratch, start(&scratch, before).options(options));
        let field = status_field(daemon.pid(), "NoNewPrivs");
        assert_eq!(field.as_deref(), Some(no_new_rights));
        // The entries of a process that must not be traced belong to root.
        let entry = fs::metadata(format!("/proc/{}/environ", daemon.pid()));
        assert_eq!(entry.expect("the daemon's entry").uid(), HELLO);
    }
}

#[test]
fn user_and_group_may_be_names_or_ids() {
    requires!(users);
    for (options, gid, groups) in [
        ("user=4711", HELLO_GROUP, &[HELLO_GROUP, CREW][..]),
        ("user=hello\ngroup=crew", CREW, &[CREW]),
        ("user=hello\ngroup=4", 4, &[4, CREW]),
    ] {
        let scratch = scratch();
        let options = format!("pid=report.pid\nlog=report.log\n{options}");
        let (_, report) = up(&scratch, start(&scratch, &[]).options(options));
        expect_ids(&report, HELLO, gid, groups);
        expect_variables(&report, Some("/home/hello"), Some("hello"));
    }
}

#[test]
fn unknown_uid_needs_a_group_and_has_no_home() {
    requires!(users);
    let scratch = Scratch::new();
    scratch.directory_of(5000, "out");
    let begin = "pid=report.pid\nlog=report.log\nuser=5000";
    let launch = start(&scratch, &[]).options(begin).run();
    scratch.expect_refusal(&launch, 67, &["user 5000", "group"]);
    let options = format!("{begin}\ngroup=crew");
    let (_, report) = up(&scratch, start(&scratch, &[]).options(options));
    expect_ids(&report, 5000, CREW, &[CREW]);
    expect_variables(&report, None, None);
}

#[test]
fn group_alone_keeps_the_user_root() {
    requires!(users);
    let scratch = scratch();
    let start = start(&scratch, &["setpriv", "--groups=27"]).env("HOME", "/somewhere");
    let options = "pid=report.pid\nlog=report.log\ngroup=crew";
    let (_, report) = up(&scratch, start.options(options));
    expect_ids(&report, 0, CREW, &[4, CREW]);
    assert_eq!(report.variable("HOME"), Some(&b"/somewhere"[..]));
}

/// Fault 316: neither `/etc/passwd` nor `/etc/group` is there.
#[test]
fn container_without_a_user_database_has_numbers() {
    requires!(users);
    for (options, steps) in [
        ("user=5000\ngroup=6000", "report stay"),
        ("", "drop:5000:6000 report stay"),
    ] {
        let scratch = Scratch::new();
        scratch.directory_of(5000, "out");
        let without = "mount -t tmpfs tmpfs /etc";
        let options = format!("pid=report.pid\nlog=report.log\n{options}");
        let start = start(&scratch, &[]).env("PREPARE", without);
        let (_, report) = up(&scratch, start.options(options).does(steps));
        expect_ids(&report, 5000, 6000, &[6000]);
    }
    for (options, words) in [
        ("user=5000", ["user 5000", "name a group too"]),
        ("user=hello", ["user hello", "no such user"]),
        ("group=crew", ["group crew", "no such group"]),
    ] {
        let scratch = scratch();
        let start = start(&scratch, &[]).env("PREPARE", "mount -t tmpfs tmpfs /etc");
        let options = format!("pid=report.pid\nlog=report.log\n{options}");
        let launch = start.options(options).does("hang").run();
        scratch.expect_refusal(&launch, 67, &words);
    }
}

/// Fault 222: a keyring and inheritable capabilities pass through a change of ids.
#[test]
fn keyring_and_inheritable_capabilities_are_dropped() {
    const JOIN_SESSION_KEYRING: libc::c_ulong = 1;
    const SESSION_KEYRING: libc::c_long = -3;
    requires!(users, program("setpriv"));
    for (options, steps) in [
        ("user=hello", "no-key:secret-of-root report stay"),
        ("", "drop:hello no-key:secret-of-root report stay"),
    ] {
        let scratch = scratch();
        let start = start(&scratch, &["setpriv", "--inh-caps=+net_admin,+chown"]);
        let start = start.options(format!("pid=report.pid\nlog=report.log\n{options}"));
        let start = start.does(steps).before_exec(|| {
            let (kind, name, key) = (c"user".as_ptr(), c"secret-of-root".as_ptr(), c"x".as_ptr());
            let none = std::ptr::null::<libc::c_char>();
            // SAFETY: a null pointer asks for a keyring without a name.
            unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, none) };
            // SAFETY: the strings end with a NUL byte, and the key has one byte.
            unsafe { libc::syscall(libc::SYS_add_key, kind, name, key, 1, SESSION_KEYRING) };
            Ok(())
        });
        let (daemon, report) = up(&scratch, start);
        expect_ids(&report, HELLO, HELLO_GROUP, &[HELLO_GROUP, CREW]);
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            let set = status_field(daemon.pid(), set).expect("a set");
            assert_eq!(u64::from_str_radix(&set, 16), Ok(0), "{options}");
        }
    }
}

/// Fault 314: the user has as many keys as the kernel lets it have.
#[test]
fn user_with_many_keys_can_have_a_daemon() {
    const JOIN_SESSION_KEYRING: libc::c_ulong = 1;
    const CHOWN: libc::c_ulong = 4;
    const SESSION_KEYRING: libc::c_long = -3;
    requires!(users);
    let limit = fs::read_to_string("/proc/sys/kernel/keys/maxkeys").unwrap_or_default();
    if !requires::machine(limit.trim() == "200", "a limit of 200 keys") {
        return;
    }
    for (options, steps) in [
        ("user=hello", "report stay"),
        ("", "drop:hello report stay"),
    ] {
        let scratch = scratch();
        let start = start(&scratch, &[]);
        let start = start.options(format!("pid=report.pid\nlog=report.log\n{options}"));
        let start = start.does(steps).before_exec(|| {
            let none = std::ptr::null::<libc::c_char>();
            // SAFETY: a null pointer asks for a keyring without a name.
            unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, none) };
            // Their names differ, and each ends with a NUL byte.
            for number in 0..250_u8 {
                let name = [b'k', b'0' + number / 16, b'0' + number % 16, 0];
                let (kind, name, key) = (c"user".as_ptr(), name.as_ptr(), c"x".as_ptr());
                let key =
                    // SAFETY: the strings end with a NUL byte, and the key has one byte.
                    unsafe { libc::syscall(libc::SYS_add_key, kind, name, key, 1, SESSION_KEYRING) };
                // SAFETY: the call takes numbers alone.
                let given = unsafe { libc::syscall(libc::SYS_keyctl, CHOWN, key, HELLO, -1) };
                if given < 0 {
                    break;
                }
            }
            Ok(())
        });
        let (_, report) = up(&scratch, start);
        expect_ids(&report, HELLO, HELLO_GROUP, &[HELLO_GROUP, CREW]);
    }
}
