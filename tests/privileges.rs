//! Another user, another group, another root directory: wholly or not at all.

#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    reason = "a broken expectation is how a test fails"
)]

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use nix::unistd::chown;
use support::daemon::{Daemon, expect_one_line, read_report};
use support::deadline::eventually;
use support::lock;
use support::process::status_field;
use support::report::Report;
use support::scratch::Scratch;
use support::start::Start;
use support::users::{CREW, HELLO, HELLO_GROUP, NOBODY};
use support::{constructor, program, requires, users};

/// `report -d` as root among the users, with these words before it.
fn start(scratch: &Scratch, before: &[&str]) -> Start {
    scratch
        .among_users(&program::path("report"), before)
        .arg("-d")
}

/// A scratch directory with a directory that the user `hello` may write to.
fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.directory_of(HELLO, "out");
    scratch
}

fn up(scratch: &Scratch, start: Start) -> (Daemon, Report) {
    let daemon = scratch.daemon_of(start.run(), "report.pid");
    let report = read_report(&scratch.path("out/report.json"));
    assert_eq!(report.pid, daemon.pid());
    (daemon, report)
}

fn expect_ids(report: &Report, uid: u32, gid: u32, groups: &[u32]) {
    assert_eq!(report.uids, [uid; 4]);
    assert_eq!(report.gids, [gid; 4]);
    let mut set = report.groups.clone();
    // musl names the primary group twice.
    set.dedup();
    assert_eq!(set, groups);
}

fn expect_variables(report: &Report, home: Option<&str>, user: Option<&str>) {
    for (name, value) in [("HOME", home), ("USER", user), ("LOGNAME", user)] {
        assert_eq!(report.variable(name), value.map(str::as_bytes), "{name}");
    }
}

fn owner(path: impl AsRef<Path>) -> (u32, u32, u32) {
    let it = fs::symlink_metadata(path).expect("something to look at");
    (it.uid(), it.gid(), it.mode() & 0o7777)
}

#[test]
fn the_daemon_is_the_user_and_nothing_of_root_is_left() {
    if !users::available() {
        return;
    }
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
        (0, 0, 0o644),
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
fn the_daemon_is_as_open_to_tracing_and_to_new_rights_as_before() {
    if !users::available() {
        return;
    }
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
fn a_user_and_a_group_may_be_names_or_numbers() {
    if !users::available() {
        return;
    }
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
fn a_number_that_is_no_users_needs_a_group_and_has_no_home() {
    if !users::available() {
        return;
    }
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
fn another_group_alone_leaves_root_what_it_is() {
    if !users::available() {
        return;
    }
    let scratch = scratch();
    let start = start(&scratch, &["setpriv", "--groups=27"]).env("HOME", "/somewhere");
    let options = "pid=report.pid\nlog=report.log\ngroup=crew";
    let (_, report) = up(&scratch, start.options(options));
    expect_ids(&report, 0, CREW, &[4, CREW]);
    assert_eq!(report.variable("HOME"), Some(&b"/somewhere"[..]));
}

#[test]
fn an_unknown_user_or_group_is_refused_before_anything_is_made() {
    let scratch = Scratch::new();
    for (option, words) in [
        ("user=no-such-user", "user no-such-user"),
        ("user=", "user"),
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
fn who_is_not_root_can_only_be_oneself() {
    if !users::available() {
        return;
    }
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
        scratch.directory_of(NOBODY, "out");
        let options = format!("pid=out/report.pid\n{option}");
        let launch = start(&scratch, &setpriv).options(options).run();
        scratch.expect_refusal(&launch, 77, &["only root"]);
        assert!(!scratch.path("out/report.pid").exists());
    }
    for option in ["user=nobody", "user=65534\ngroup=nogroup", "group=65534"] {
        let scratch = Scratch::new();
        scratch.directory_of(NOBODY, "out");
        let option = option.replace("nogroup", "65534");
        let options = format!("pid=out/report.pid\n{option}");
        let start = start(&scratch, &setpriv).options(options);
        let launch = start.env("HOME", "/somewhere").run();
        scratch.daemon_of(launch, "out/report.pid");
        let report = read_report(&scratch.path("out/report.json"));
        expect_ids(&report, NOBODY, NOBODY, &[CREW, NOBODY]);
        assert_eq!(report.variable("HOME"), Some(&b"/somewhere"[..]));
    }
}

#[test]
fn a_step_that_the_system_refuses_ends_the_start_before_user_code() {
    if !users::available() {
        return;
    }
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
            ["rights of root", "had again"],
        ),
        // Its root may become nobody else.
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
fn ids_that_the_system_did_not_change_though_it_said_so_are_noticed() {
    if !users::available() || !requires::program("strace") {
        return;
    }
    for (call, words) in [
        ("setgroups", &[][..]),
        ("setgid", &[]),
        ("setuid", &[]),
        // A group that root can be in gives no way back to it.
        ("setgid", &["setpriv", "--regid=27", "--clear-groups"]),
    ] {
        let scratch = scratch();
        // Only the first call: the others tell the truth about what has not been changed.
        let inject = format!("-einject={call}:retval=0:when=1");
        let options = "pid=report.pid\nlog=report.log\nuser=hello";
        let strace = ["strace", "-f", "-qqq", "-o", "trace", &inject];
        let start = start(&scratch, &[words, &strace].concat());
        let launch = start.options(options).does("create:out/file").run();
        scratch.expect_refusal(&launch, 77, &["rights of root"]);
        assert!(!scratch.path("out/file").exists(), "{call}");
    }
}

#[test]
fn the_daemon_lives_in_its_root_directory_as_its_user() {
    if !users::available() {
        return;
    }
    let scratch = scratch();
    let data = scratch.path("jail/data");
    fs::create_dir_all(&data).expect("the root directory");
    chown(&data, Some(HELLO.into()), Some(HELLO_GROUP.into())).expect("chown");
    // A relative working directory is one of the new root directory, where there is neither `/proc`
    // nor `/dev`; and the launcher still hears that the daemon is ready.
    let ready = if cfg!(daemon_fork) {
        "settled"
    } else {
        "notify"
    };
    let options = format!(
        "pid=report.pid\nlog=report.log\nchroot=jail\nworkdir=data\nuser=hello\nready={ready}"
    );
    let steps = "create:/data/one create:two say:hello ready stay";
    let launch = start(&scratch, &[]).options(options).does(steps).run();
    let daemon = scratch.daemon_of(launch, "report.pid");
    assert_eq!(daemon.launch.err_text(), "");
    let link = |name: &str| fs::read_link(format!("/proc/{}/{name}", daemon.pid()));
    assert_eq!(link("root").expect("its root"), scratch.path("jail"));
    assert_eq!(link("cwd").expect("its directory"), data);
    assert!(data.join("one").exists() && data.join("two").exists());
    assert_eq!(scratch.read("report.log"), "hello\n");
    let uids = status_field(daemon.pid(), "Uid").expect("its ids");
    assert_eq!(uids.split_whitespace().next(), Some("4711"));
}

#[cfg(daemon_fork)]
#[test]
fn what_would_never_be_heard_from_another_root_directory_is_refused() {
    if !users::available() {
        return;
    }
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("jail")).expect("mkdir");
    let options = "pid=report.pid\nchroot=jail\nready=notify";
    let launch = scratch
        .background()
        .options(options)
        .does("ready stay")
        .run();
    scratch.expect_refusal(&launch, 71, &["notification socket", "root directory"]);
}

#[test]
fn a_root_directory_alone_is_entered_too() {
    if !users::available() {
        return;
    }
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("jail")).expect("mkdir");
    let options = "pid=report.pid\nlog=report.log\nchroot=jail";
    let launch = scratch.background().options(options).does("stay").run();
    let daemon = scratch.daemon_of(launch, "report.pid");
    let link = |name: &str| fs::read_link(format!("/proc/{}/{name}", daemon.pid()));
    assert_eq!(link("root").expect("its root"), scratch.path("jail"));
    assert_eq!(
        link("cwd").expect("its directory"),
        scratch.path("jail"),
        "no way out"
    );
}

#[test]
fn a_log_outside_of_the_root_directory_is_a_warning_to_who_wants_it_reopened() {
    if !users::available() {
        return;
    }
    let scratch = scratch();
    fs::create_dir(scratch.path("jail")).expect("mkdir");
    let options = "pid=report.pid\nlog=report.log\nchroot=jail\nuser=hello\nlog_reopen=1";
    let launch = start(&scratch, &[]).options(options).does("stay").run();
    let daemon = scratch.daemon_of(launch, "report.pid");
    let words = ["report.log", "No such file or directory", "copytruncate"];
    expect_one_line(&daemon.launch, &words);
}

#[test]
fn a_log_inside_of_the_root_directory_is_reopened_there() {
    if !users::available() {
        return;
    }
    let scratch = scratch();
    fs::create_dir(scratch.path("jail")).expect("mkdir");
    chown(&scratch.path("jail"), Some(HELLO.into()), None).expect("chown");
    let options = "pid=report.pid\nlog=jail/report.log\nchroot=jail\nuser=hello\nlog_reopen=1";
    let steps = "create:/up wait:/go say:after create:/done stay";
    let launch = start(&scratch, &[]).options(options).does(steps).run();
    let daemon = scratch.daemon_of(launch, "report.pid");
    assert_eq!(daemon.launch.err_text(), "", "no warning");
    let (log, old) = (
        scratch.path("jail/report.log"),
        scratch.path("jail/old.log"),
    );
    fs::rename(&log, &old).expect("rotate");
    daemon.process.signal(Signal::SIGHUP);
    eventually("the new log is there", || log.exists().then_some(()));
    scratch.write("jail/go", "");
    eventually("it has written", || {
        scratch.path("jail/done").exists().then_some(())
    });
    assert_eq!(fs::read_to_string(&log).expect("the new log"), "after\n");
    assert_eq!(fs::read_to_string(&old).expect("the old log"), "");
}

#[test]
fn a_root_directory_that_cannot_be_entered_ends_the_start_before_user_code() {
    if !users::available() {
        return;
    }
    let without_right = [
        "setpriv",
        "--bounding-set=-sys_chroot",
        "--inh-caps=-sys_chroot",
    ];
    for (option, before, words) in [
        (
            "chroot=missing",
            &[][..],
            ["root directory", "No such file or directory"],
        ),
        (
            "chroot=out",
            &without_right,
            ["root directory", "Operation not permitted"],
        ),
        (
            "chroot=out\nworkdir=missing",
            &[],
            ["working directory /missing", "No such file or directory"],
        ),
    ] {
        let scratch = scratch();
        let options = format!("pid=report.pid\nlog=report.log\nready=exec\n{option}");
        let start = start(&scratch, before).options(options);
        let launch = start.does("create:file").run();
        scratch.expect_refusal(&launch, 71, &words);
        assert!(!scratch.path("file").exists());
    }
}

#[test]
fn a_working_directory_that_the_user_may_not_enter_ends_the_start() {
    if !users::available() {
        return;
    }
    let scratch = scratch();
    let private = scratch.path("private");
    fs::create_dir(&private).expect("mkdir");
    fs::set_permissions(&private, Permissions::from_mode(0o700)).expect("chmod");
    let options = "pid=report.pid\nlog=report.log\nworkdir=private\nuser=hello";
    let launch = start(&scratch, &[]).options(options).run();
    scratch.expect_refusal(&launch, 71, &["working directory", "Permission denied"]);
}

#[test]
fn directories_that_are_made_for_the_daemon_are_the_daemons() {
    if !users::available() {
        return;
    }
    let scratch = scratch();
    let options = "pid_template={runtime_dir}/hello/report.pid\n\
                   log_template={log_dir}/hello/report.log\n\
                   workdir_template={state_dir}/hello\nuser=hello";
    // None of this on the machine itself.
    let prepare = "for it in /run /var/log /var/lib; do mount -t tmpfs -o mode=755 tmpfs $it || \
                   exit 99; done; readlink /proc/self/ns/mnt";
    let start = start(&scratch, &[]).env("PREPARE", prepare);
    let launch = start.options(options).run();
    assert_eq!(launch.code(), 0, "{launch:?}");
    assert_eq!(launch.err_text(), "", "the log can be opened again");
    let report = read_report(&scratch.path("out/report.json"));
    assert_eq!(report.cwd, b"/var/lib/hello");
    let there = |path: &str| PathBuf::from(format!("/proc/{}/root{path}", report.pid));
    assert_eq!(owner(there("/run/hello")), (0, 0, 0o700));
    assert_eq!(owner(there("/run/hello/report.pid")), (0, 0, 0o644));
    for path in ["/var/log/hello", "/var/lib/hello"] {
        assert_eq!(owner(there(path)), (HELLO, HELLO_GROUP, 0o700), "{path}");
    }
}

#[test]
fn a_log_that_the_daemon_could_not_reopen_is_a_warning() {
    if !users::available() {
        return;
    }
    let options = "pid=report.pid\nlog=report.log\nuser=hello";
    for (group, mode, is_possible) in [
        (0, 0o640, false),
        (HELLO_GROUP, 0o640, false),
        (CREW, 0o660, true),
        (0, 0o666, true),
    ] {
        let scratch = scratch();
        let log = scratch.write("report.log", "");
        chown(&log, None, Some(group.into())).expect("chown");
        fs::set_permissions(&log, Permissions::from_mode(mode)).expect("chmod");
        let start = start(&scratch, &[]).options(options);
        let (daemon, _) = up(&scratch, start.does("say:hello report stay"));
        assert_eq!(
            scratch.read("report.log"),
            "hello\n",
            "it works all the same"
        );
        assert_eq!(owner(&log), (0, group, mode), "an old log is left alone");
        if is_possible {
            assert_eq!(daemon.launch.err_text(), "");
        } else {
            expect_one_line(&daemon.launch, &["report.log", "Permission denied"]);
        }
    }
}

#[test]
fn a_program_that_the_user_could_replace_is_a_warning() {
    if !users::available() {
        return;
    }
    let options = "pid=report.pid\nlog=report.log\nuser=hello";
    for (of_file, of_directory) in [(0, 0), (HELLO, 0), (0, HELLO)] {
        let scratch = scratch();
        scratch.directory_of(of_directory, "bin");
        let copy = scratch.copy_program(&program::path("report"), "bin/report");
        chown(&copy, Some(of_file.into()), None).expect("chown");
        let start = scratch.among_users(&copy, &[]).arg("-d");
        let (daemon, _) = up(&scratch, start.options(options));
        if (of_file, of_directory) == (0, 0) {
            assert_eq!(daemon.launch.err_text(), "");
        } else {
            expect_one_line(&daemon.launch, &["user hello", "bin/report"]);
        }
    }
}

/// `report` in the foreground, as root among the users.
fn foreground(scratch: &Scratch, steps: &str) -> Start {
    scratch
        .among_users(&program::path("report"), &[])
        .does(steps)
}

#[test]
fn a_program_can_drop_its_privileges_itself() {
    if !users::available() {
        return;
    }
    for (whom, gid, groups) in [
        ("hello", HELLO_GROUP, [HELLO_GROUP, CREW]),
        ("hello:adm", 4, [4, CREW]),
    ] {
        let scratch = scratch();
        // The second time it is this user already.
        let steps = format!("drop:{whom} regain drop:{whom} report");
        let outcome = foreground(&scratch, &steps).run();
        assert_eq!(outcome.code(), 0, "{outcome:?}");
        let report = read_report(&scratch.path("out/report.json"));
        expect_ids(&report, HELLO, gid, &groups);
        expect_variables(&report, Some("/home/hello"), Some("hello"));
    }
}

#[test]
fn a_drop_that_fails_says_why() {
    if !users::available() {
        return;
    }
    let scratch = scratch();
    for (steps, words) in [
        (
            "drop:no-such-user",
            "UnknownUser cannot become the user no-such-user",
        ),
        (
            "drop:hello:no-such",
            "UnknownUser cannot become a member of",
        ),
        (
            "drop:hello drop:nobody",
            "Permission cannot become the user nobody",
        ),
        (
            "drop:hello drop:root",
            "Permission cannot become the user root",
        ),
    ] {
        let outcome = foreground(&scratch, steps).run();
        assert_eq!(outcome.code(), 99, "{outcome:?}");
        assert!(outcome.err_text().starts_with(words), "{outcome:?}");
    }
}

#[test]
fn root_that_hides_behind_an_effective_id_has_dropped_nothing() {
    if !users::available() || !requires::program("setpriv") {
        return;
    }
    let scratch = scratch();
    let before = ["setpriv", "--euid", "4711"];
    let start = scratch.among_users(&program::path("report"), &before);
    let outcome = start.does("drop:hello").run();
    assert_eq!(outcome.code(), 99, "{outcome:?}");
    assert!(
        outcome
            .err_text()
            .starts_with("Permission cannot become the user hello"),
        "{outcome:?}"
    );
}

#[cfg_attr(target_env = "musl", ignore = "nothing is preloaded there")]
#[test]
fn a_drop_changes_every_thread_and_leaves_an_environment_that_others_may_read() {
    if !users::available() || !requires::program("cc") {
        return;
    }
    let scratch = scratch();
    let library = constructor::with_threads(&scratch);
    let start = foreground(&scratch, "drop:hello report stay").env("HOME", "/somewhere");
    let prepare = format!("export LD_PRELOAD={}", library.display());
    let running = start.env("PREPARE", prepare).spawn();
    let report = read_report(&scratch.path("out/report.json"));
    assert!(report.threads > 1);
    for thread in fs::read_dir(format!("/proc/{}/task", report.pid)).expect("threads") {
        let path = thread.expect("a thread").path().join("status");
        let status = fs::read_to_string(path).expect("its status");
        assert!(
            status.contains("\nUid:\t4711\t4711\t4711\t4711\n"),
            "{status}"
        );
        assert!(status.contains("\nGid:\t4712\t4712\t4712\t4712\n"));
    }
    assert_eq!(report.variable("HOME"), Some(&b"/somewhere"[..]));
    running.signal(Signal::SIGKILL);
    running.wait();
}

#[test]
fn a_daemon_that_drops_its_privileges_late_leaves_its_pid_file_to_root() {
    if !users::available() {
        return;
    }
    let scratch = scratch();
    let start = start(&scratch, &[]).does("drop:hello report stay");
    let (daemon, report) = up(&scratch, start);
    expect_ids(&report, HELLO, HELLO_GROUP, &[HELLO_GROUP, CREW]);
    let pid_file = daemon.pid_file.clone();
    assert!(daemon.stop().is_some_and(|status| status.success()));
    assert_eq!(owner(&pid_file), (0, 0, 0o644));
    assert!(!lock::is_held(&pid_file));
    // It means nothing, and root clears it away.
    for (verb, status) in [("status", 1), ("stop", 0), ("status", 3)] {
        let options = format!("pid={}\ncontrol_flag=-s", pid_file.display());
        let outcome = scratch.report().options(options).args(["-s", verb]).run();
        assert_eq!(outcome.code(), status, "{outcome:?}");
    }
    assert!(!pid_file.exists());
}

#[test]
fn a_set_gid_program_is_refused() {
    if !users::available() {
        return;
    }
    let scratch = Scratch::new();
    let copy = scratch.copy_program(&program::path("report"), "report");
    chown(&copy, None, Some(CREW.into())).expect("chown");
    fs::set_permissions(&copy, Permissions::from_mode(0o2755)).expect("chmod");
    let start = scratch.start_path(&copy).arg("-d");
    let launch = start.options("pid=report.pid").does("stay").run();
    scratch.expect_refusal(&launch, 77, &["set-gid"]);
    assert!(!scratch.path("report.pid").exists());
}

#[cfg_attr(daemon_fork, ignore = "there are no file capabilities there")]
#[test]
fn a_program_with_file_capabilities_does_not_believe_the_environment() {
    if !users::available() || !requires::program("setcap") {
        return;
    }
    let scratch = Scratch::new();
    scratch.directory_of(NOBODY, "out");
    scratch.directory_of(NOBODY, "home");
    scratch.directory_of(NOBODY, "planted");
    let copy = scratch.copy_program(&program::path("report"), "report");
    let setcap = requires::find("setcap").expect("setcap");
    let grant = scratch.start_path(&setcap).arg("cap_net_bind_service=ep");
    assert_eq!(grant.arg(&copy).run().code(), 0, "setcap");
    let setpriv = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    let planted = scratch.path("planted");
    let launch = scratch
        .among_users(&copy, &setpriv)
        .arg("-d")
        .env("HOME", &planted)
        .env("XDG_RUNTIME_DIR", &planted)
        .env("XDG_STATE_HOME", &planted)
        .options("pid_template={runtime_dir}/report.pid\nlog_template={home}/report.log")
        .run();
    // What the user database says is believed.
    let daemon = scratch.daemon_of(launch, "home/.local/state/report.pid");
    assert!(scratch.path("home/report.log").exists());
    assert_eq!(fs::read_dir(&planted).expect("planted").count(), 0);
    // As after a fresh exec.
    let capabilities = status_field(daemon.pid(), "CapEff").expect("a set");
    assert_eq!(u64::from_str_radix(&capabilities, 16), Ok(1 << 10));
}
