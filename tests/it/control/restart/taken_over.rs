//! What `restart` takes over from the running daemon: its arguments, its directory and its log.

mod directory;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::{OPTIONS, expect_failure};
use crate::support::deadline::eventually;
use crate::support::scratch::Scratch;
use crate::support::{process, program, requires};

#[cfg_attr(daemon_fork, ignore = "the arguments of a process are not known there")]
#[test]
fn restart_keeps_arguments_directory_and_log() {
    let scratch = Scratch::new();
    let elsewhere = scratch.path("elsewhere");
    fs::create_dir(&elsewhere).expect("mkdir");
    let options = format!(
        "pid={}\nlog=report.log\nready=exec\ncontrol_flag=-s\nlog_flag=--log",
        scratch.path("report.pid").display()
    );
    let start = scratch.background().options(&*options).does("report stay");
    let start = start
        .args(["-p", "9000", "--log", "own.log", "a b", ""])
        .cwd(&elsewhere);
    let old = scratch.daemon_of(start.run(), "report.pid");
    let arguments = old.report().arguments;
    fs::remove_file(scratch.path("report.json")).expect("the report");

    let restart = scratch.report().options(&*options).does("report stay");
    let new = scratch.daemon_of(restart.arg("-srestart").run(), "report.pid");
    let report = new.report();
    assert_eq!(report.arguments[1..], arguments[1..]);
    assert_eq!(
        arguments[1..],
        ["-p", "9000", "a b", ""].map(|it| it.as_bytes().to_vec())
    );
    let elsewhere = elsewhere.to_str().expect("a path");
    assert_eq!(report.cwd, elsewhere.as_bytes());
    assert_eq!(report.start_dir.as_deref(), Some(elsewhere.as_bytes()));
    let log = format!("{elsewhere}/own.log");
    assert_eq!(report.log_file.as_deref(), Some(log.as_bytes()));
}

/// The user of the verb names it from there.
#[cfg_attr(daemon_fork, ignore = "the arguments of a process are not known there")]
#[test]
fn log_beside_restart_is_relative_to_the_directory_of_the_verb() {
    let scratch = Scratch::new();
    let elsewhere = scratch.path("elsewhere");
    fs::create_dir(&elsewhere).expect("mkdir");
    let options = scratch.absolute_options();
    let options = format!("{options}\nlog_flag=--log");
    let start = scratch.background().options(&*options).cwd(&elsewhere);
    scratch.daemon_of(start.does("stay").run(), "report.pid");
    let restart = scratch.report().options(&*options).does("report stay");
    let restart = restart.args(["-srestart", "--log", "own.log"]);
    let new = scratch.daemon_of(restart.run(), "report.pid");
    let log = scratch.path("own.log").display().to_string();
    assert_eq!(new.report().log_file.as_deref(), Some(log.as_bytes()));
}

/// A daemon can change its command line, its directory and its output. One that has become another
/// user may be in the hands of an attacker.
#[test]
fn restart_trusts_no_daemon_of_another_user() {
    requires!(linux("the arguments of a process"), users);
    let as_nobody = "user=nobody\nlog_flag=--log";
    for (more, is_relative, steps, reason) in [
        (
            as_nobody,
            false,
            "stdout:victim ready hang",
            "may have changed its log to",
        ),
        (
            "",
            false,
            "drop:nobody ready hang",
            "may have changed its arguments; repeat them",
        ),
        (
            "user=nobody",
            true,
            "ready hang",
            "may have changed its working directory",
        ),
        (
            "log_flag=--log",
            false,
            "stdout:victim drop:nobody ready become:report",
            "may have changed its arguments; repeat them",
        ),
    ] {
        let scratch = Scratch::new();
        scratch.write("victim", "secret\n");
        // A program of the same name that gives root's rights back, and blocks.
        let sleep = requires::find("sleep").expect("sleep");
        let program = scratch.copy_program(&sleep, "report");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).expect("chmod");
        fs::set_permissions(scratch.dir(), fs::Permissions::from_mode(0o755)).expect("chmod");
        let options = if is_relative {
            OPTIONS.to_owned()
        } else {
            scratch.absolute_options()
        };
        let options = options.replace("exec", "notify\nready_timeout=5");
        let options = format!("{options}\n{more}");
        let start = scratch
            .background()
            .options(&*options)
            .arg("word")
            .does(&steps.replace("become:", &format!("become:{}/", scratch.dir().display())));
        let daemon = scratch.up(start);
        if steps.contains("become") {
            let running = format!("/proc/{}/exe", daemon.pid());
            eventually("the program runs", || {
                (fs::read_link(&running).ok()? == program).then_some(())
            });
        }
        let restart = scratch.report().options(&*options).args(["-s", "restart"]);
        expect_failure(&restart.run(), 64, &["user 65534", reason]);
        assert!(daemon.process.is_alive());
        assert_eq!(scratch.read("victim"), "secret\n");
        let log = scratch.report().options(&*options).args(["-s", "log"]);
        assert_eq!(log.run().out_text(), "");
    }
}

/// The program has all ids of root, and has them from a daemon that has not.
#[test]
fn restart_trusts_no_set_uid_program() {
    requires!(linux("the arguments of a process"), users);
    let scratch = Scratch::new();
    scratch.write("victim", "secret\n");
    let program = scratch.copy_program(&program::path("report"), "set-uid");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).expect("chmod");
    let options = scratch.absolute_options();
    let options = options.replace("exec", "notify\nready_timeout=60\nlog_flag=--log");
    let steps = format!(
        "stdout:victim drop:nobody ready become:{}",
        program.display()
    );
    let start = scratch.background().options(&*options).arg("word");
    let daemon = scratch.up(start.does(&steps));
    eventually("the program has root's ids", || {
        let name = fs::read_to_string(format!("/proc/{}/comm", daemon.pid())).ok()?;
        let ids = process::status_field(daemon.pid(), "Uid")?;
        (name == "set-uid\n" && ids == "0\t0\t0\t0").then_some(())
    });
    let restart = scratch.report().options(&*options).args(["-s", "restart"]);
    let words = ["its arguments cannot be read; repeat them"];
    expect_failure(&restart.run(), 64, &words);
    assert!(daemon.process.is_alive());
    assert_eq!(scratch.read("victim"), "secret\n");
    let log = scratch.report().options(&*options).args(["-s", "log"]);
    expect_failure(&log.run(), 64, &["its log cannot be seen"]);
}

#[test]
fn restart_takes_over_words_and_directory() {
    requires!(linux("the arguments of a process"), users);
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("elsewhere")).expect("mkdir");
    let options = scratch.absolute_options();
    let options = format!("{options}\nuser=nobody\nlog_flag=--log");
    let start = scratch.background().options(&*options).arg("word");
    scratch.up(start.cwd(scratch.path("elsewhere")).does("hang"));
    let restart = scratch.report().options(&*options).args(["-s", "restart"]);
    let daemon = scratch.daemon_of(restart.does("hang").run(), "report.pid");
    let of_daemon = |name: &str| format!("/proc/{}/{name}", daemon.pid());
    let cwd = fs::read_link(of_daemon("cwd")).expect("its directory");
    assert_eq!(cwd, scratch.path("elsewhere"));
    let words = fs::read(of_daemon("cmdline")).expect("its arguments");
    assert!(words.ends_with(b"\0word\0"), "{words:?}");
}

#[test]
fn restart_that_learns_no_arguments_is_refused() {
    requires!(linux("the arguments of a process"), strace);
    let scratch = Scratch::new();
    let daemon = scratch.up_and_reported("report stay");
    for (file, call, reason) in [
        ("cmdline", "?open,openat", "its arguments cannot be read"),
        ("status", "?open,openat", "its arguments cannot be read"),
        (
            "cwd",
            "chdir,?stat,?newfstatat,?statx",
            "its working directory cannot be entered",
        ),
    ] {
        let path = format!("/proc/{}/{file}", daemon.pid());
        let inject = format!("inject={call}:error=EACCES");
        let restart = scratch
            .verb("restart")
            .traced(&["-P", &path, "-e", &inject]);
        expect_failure(&restart.run(), 64, &["cannot restart", reason]);
    }
    assert!(daemon.process.is_alive());
}

#[cfg_attr(daemon_fork, ignore = "the arguments of a process are not known there")]
#[test]
fn restart_takes_no_title_for_arguments() {
    for title in ["report", "report:%20serves%20/srv/report"] {
        let scratch = Scratch::new();
        let options = OPTIONS.replace("exec", "notify\nready_timeout=60");
        let start = scratch.background().options(&*options);
        let start = start.args(["a long word", "another long word"]);
        let daemon = scratch.up(start.does(&format!("run:title:{title} ready hang")));
        let restart = scratch.report().options(&*options).args(["-s", "restart"]);
        let words = ["it may have overwritten its arguments"];
        expect_failure(&restart.run(), 64, &words);
        assert!(daemon.process.is_alive());
    }
}

#[cfg_attr(daemon_fork, ignore = "the arguments of a process are not known there")]
#[test]
fn restart_takes_nothing_from_another_program() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.controlled("become:sleep"));
    eventually("it executes another program", || {
        let program = fs::read_link(format!("/proc/{}/exe", daemon.pid())).ok()?;
        program.ends_with("sleep").then_some(())
    });
    let words = ["executed another program; repeat them"];
    expect_failure(&scratch.verb("restart").run(), 64, &words);
    assert!(daemon.process.is_alive());
}

#[cfg_attr(daemon_fork, ignore = "the arguments of a process are not known there")]
#[test]
fn restart_by_another_name_stops_nothing() {
    let scratch = Scratch::new();
    let alias = scratch.path("alias");
    symlink(program::path("report"), &alias).expect("a link");
    let start = scratch.controlled("hang").via(&alias).args(["-d", "word"]);
    let daemon = scratch.up(start);
    let restart = scratch.report().options(OPTIONS).args(["-s", "restart"]);
    expect_failure(&restart.run(), 64, &["repeat them, or stop and start it"]);
    assert!(daemon.process.is_alive());
    let restart = scratch.report().options(OPTIONS).does("report hang");
    let restart = restart.via(&alias).args(["-s", "restart"]).run();
    let report = scratch.daemon_of(restart, "report.pid").report();
    assert_eq!(report.arguments[1..], [b"word"]);
}

#[cfg_attr(daemon_fork, ignore = "the arguments of a process are not known there")]
#[test]
fn restart_as_a_subcommand_keeps_arguments() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nready=exec\ncontrol_subcommands=run";
    let program = |arguments: &[&str]| {
        let start = scratch.report().options(options).does("report stay");
        start.args(arguments).run()
    };
    let old = scratch.daemon_of(program(&["start", "-p", "9000"]), "report.pid");
    let arguments = old.report().arguments;
    fs::remove_file(scratch.path("report.json")).expect("the report");
    let new = scratch.daemon_of(program(&["restart"]), "report.pid");
    assert_eq!(new.report().arguments[1..], arguments[1..]);
    assert_eq!(
        arguments[1..],
        ["run", "-p", "9000"].map(|it| it.as_bytes().to_vec())
    );
}

#[cfg_attr(daemon_fork, ignore = "the arguments of a process are not known there")]
#[test]
fn restart_of_another_subcommand_is_another_command() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nready=exec\ncontrol_flag=-s\nsubcommand=serve,mount";
    let restart = |words: &[&str]| {
        let start = scratch.report().options(options).does("report stay");
        let daemon = scratch.daemon_of(start.args(words).run(), "report.pid");
        let arguments = daemon.report().arguments;
        fs::remove_file(scratch.path("report.json")).expect("the report");
        arguments[1..].to_vec()
    };
    restart(&["serve", "-d", "-p", "9000"]);
    let same = restart(&["serve", "-s", "restart"]);
    assert_eq!(
        same,
        ["serve", "-p", "9000"].map(|it| it.as_bytes().to_vec())
    );
    assert_eq!(restart(&["-s", "restart", "mount"]), [b"mount"]);
}

#[cfg_attr(daemon_fork, ignore = "the arguments of a process are not known there")]
#[test]
fn restart_of_an_instance_keeps_arguments() {
    let scratch = Scratch::new();
    let options = "pid_template={instance}.pid\nlog_template={instance}.log\nlog_flag=--log\n\
                   ready=exec\ncontrol_flag=-s\ninstance_flag=--name";
    let program = || scratch.report().options(options).does("report stay");
    let start = program().args(["-d", "--name", "a", "-p", "9000"]).run();
    let mut old = scratch.daemon_of(start, "a.pid");
    let arguments = old.report().arguments;
    assert_eq!(arguments.len(), 5, "{arguments:?}");
    for name in [&["--name", "a"][..], &["--name=a"]] {
        fs::remove_file(scratch.path("report.json")).expect("the report");
        let restart = program().args(name).args(["-s", "restart"]).run();
        old = scratch.daemon_of(restart, "a.pid");
        assert_eq!(old.report().arguments[1..], arguments[1..]);
    }
    let restart = program().args(["--name", "a", "-srestart", "-p", "8"]);
    fs::remove_file(scratch.path("report.json")).expect("the report");
    let new = scratch.daemon_of(restart.run(), "a.pid").report().arguments;
    assert_eq!(
        new[1..],
        ["--name", "a", "-p", "8"].map(|it| it.as_bytes().to_vec())
    );
}
