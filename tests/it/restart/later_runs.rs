//! What every run has, and what it inherits from none.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use nix::sys::signal::Signal;

use super::stage::{OPTIONS, Supervised, dumps_core_here};
use crate::support::daemon::read_report;
use crate::support::deadline::eventually;
use crate::support::report::Report;
use crate::support::scratch::Scratch;
use crate::support::{process, program, requires};

/// The report of the run, which each run writes anew.
fn report_of(scratch: &Scratch, up: &Supervised) -> Report {
    eventually("the run has reported", || {
        let report = fs::read(scratch.path("report.json")).ok()?;
        let report: Report = serde_json::from_slice(&report).ok()?;
        (report.pid == up.run.pid()).then_some(report)
    })
}

#[test]
fn later_run_has_the_signals_of_the_first() {
    let scratch = Scratch::new();
    let start = scratch.supervised(OPTIONS, "report stay");
    let mut up = scratch.up_supervised(start.ignore([libc::SIGHUP, libc::SIGUSR1]));
    let first = read_report(&scratch.path("report.json"));
    scratch.crash(&mut up);
    let second = report_of(&scratch, &up);
    assert_eq!(second.signals, first.signals);
    assert_eq!(second.signals.blocked, 0);
    // What the runtime of Rust ignores.
    assert_eq!(second.signals.ignored, 1 << (libc::SIGPIPE - 1));
}

#[test]
fn later_run_is_started_as_the_first() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("work")).expect("mkdir");
    let options = format!("{OPTIONS}\nworkdir=work\numask=27");
    let report = scratch.path("report.json");
    let start = scratch.supervised(&options, "report hang");
    let start = start.env("TEST_REPORT", &report).env("NAME", "a value");
    let word = OsStr::from_bytes(b"a word\n\xff");
    let mut up = scratch.up_supervised(start.arg(word).umask(0o22));
    let first = read_report(&report);
    scratch.crash(&mut up);
    let second = report_of(&scratch, &up);
    // All but its own pid, and its session.
    let things = |run: &Report| {
        let streams = (0..=2).map(|fd| run.descriptor(fd).cloned());
        let words = (run.arguments.clone(), run.environment.clone());
        let places = [&run.start_dir, &run.pid_file, &run.log_file].map(Clone::clone);
        let place = (run.cwd.clone(), run.umask, places);
        let user = (run.uids.clone(), run.gids.clone(), run.groups.clone());
        let image = (run.comm.clone(), run.exe.clone(), run.image);
        let streams: Vec<_> = streams.collect();
        (words, place, user, image, streams, run.ppid)
    };
    assert_eq!(things(&second), things(&first));
    assert_eq!(
        second.arguments.last().map(Vec::as_slice),
        Some(word.as_bytes())
    );
    for run in [first, second] {
        assert_eq!((run.sid, run.tty, run.threads), (run.pgid, 0, 1));
        assert_ne!(run.sid, run.pid);
    }
}

#[test]
fn announcement_of_a_later_run_is_dropped() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("exec", "notify");
    let start = scratch.supervised(&options, "announce:port=80 ready note:up hang");
    let launch = start.run();
    assert_eq!(launch.out_text(), "port=80");
    let mut up = scratch.supervised_of(&launch);
    for runs in 2..=3 {
        scratch.crash(&mut up);
        eventually("the next run is up", || {
            (scratch.read("up").lines().count() == runs).then_some(())
        });
    }
    // A client that comes now gets nothing either.
    let client = scratch.report().env("TEST_START", "ensure");
    let client = client
        .options(format!("{options}\nargs=-b"))
        .arg("get")
        .run();
    assert_eq!(client.out_text(), format!("{} true \n", up.run.pid()));
    let log = scratch.read("report.log");
    assert!(
        log.lines().all(|line| line.contains("killed by SIGKILL")),
        "{log}"
    );
}

#[test]
fn supervisor_executes_its_own_image_after_a_replacement() {
    let scratch = Scratch::new();
    let path = scratch.copy_program(&program::path("report"), "copy");
    let start = scratch.start_path(&path).arg("-d");
    let start = start.env("TEST_REPORT", scratch.path("report.json"));
    let mut up = scratch.up_supervised_as("copy", start.options(OPTIONS).does("report stay"));
    let first = read_report(&scratch.path("report.json"));
    let old = fs::metadata(&path).expect("the image").ino();
    scratch.write("new", "not a program");
    fs::rename(scratch.path("new"), &path).expect("replace the program");
    scratch.crash(&mut up);
    let second = report_of(&scratch, &up);
    assert_eq!(second.image, first.image);
    assert_eq!(second.image.1, old);
}

#[test]
fn sockets_of_systemd_reach_every_run() {
    let scratch = Scratch::new();
    let shell = requires::find("sh").expect("sh");
    let words = "export LISTEN_PID=$$ LISTEN_FDS=1; exec 3</dev/zero; exec \"$0\" \"$@\"";
    let start = scratch.start_path(&shell).args(["-c", words]);
    let start = start.arg(program::path("report")).arg("-d");
    let start = start.env("TEST_REPORT", scratch.path("report.json"));
    let mut up = scratch.up_supervised(start.options(OPTIONS).does("report stay"));
    for _ in 0..2 {
        let report = report_of(&scratch, &up);
        let pid = up.run.pid().to_string();
        assert_eq!(report.variable("LISTEN_PID"), Some(pid.as_bytes()));
        assert_eq!(report.variable("LISTEN_FDS"), Some(&b"1"[..]));
        let sockets = report.descriptors_above_two();
        assert!(
            sockets
                .iter()
                .any(|open| open.fd == 3 && open.target == b"/dev/zero")
        );
        scratch.crash(&mut up);
    }
}

#[test]
fn name_of_the_supervisor_tells_what_it_is() {
    requires!(linux("the name of a process"));
    let scratch = Scratch::new();
    let up = scratch.up_supervised(scratch.supervised(OPTIONS, "hang"));
    let name = |pid: i32| fs::read_to_string(format!("/proc/{pid}/comm")).expect("a name");
    assert_eq!(name(up.supervisor.pid()), "report-sup\n");
    eventually("the run has the name of the program", || {
        (name(up.run.pid()) == "report\n").then_some(())
    });
}

#[test]
fn real_time_signals_do_not_end_the_supervisor() {
    requires!(linux("the signals that the C library keeps"));
    let scratch = Scratch::new();
    let mut up = scratch.up_supervised(scratch.supervised(OPTIONS, "hang"));
    for signal in 32..=64 {
        // SAFETY: the call takes integers, and the process is a child of this one.
        assert_eq!(unsafe { libc::kill(up.supervisor.pid(), signal) }, 0);
    }
    scratch.crash(&mut up);
    assert!(up.supervisor.is_alive());
}

#[test]
fn foreground_is_not_restarted() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("on-failure", "always");
    let outcome = scratch
        .report()
        .options(options)
        .does("note:runs return:3")
        .run();
    assert_eq!(outcome.code(), 3, "{outcome:?}");
    assert_eq!(scratch.read("runs").lines().count(), 1);
    scratch.expect_nothing_left();
}

#[test]
fn restart_in_configure_alone_is_refused() {
    let scratch = Scratch::new();
    let start = scratch.supervised("pid=report.pid\nconfigure", "hang");
    let start = start.env("TEST_COMPUTED", scratch.path("where"));
    let launch = start.env("TEST_CONFIGURE", "restart=always").run();
    scratch.expect_refusal(&launch, 78, &["only `configure` sets it"]);
}

#[test]
fn restart_below_supervisord_is_refused() {
    let scratch = Scratch::new();
    let start = scratch
        .report()
        .env("SUPERVISOR_ENABLED", "1")
        .options(OPTIONS);
    let launch = scratch.below("supervisord", start, "$0 -d").run();
    scratch.expect_refusal(
        &launch,
        64,
        &["supervisord starts this program again by itself"],
    );
}

#[test]
fn run_that_forks_away_and_ends_leaves_nothing() {
    let scratch = Scratch::new();
    let start = scratch.supervised(OPTIONS, "wait:go run:fork-away");
    let up = scratch.up_supervised(start);
    scratch.write("go", "");
    up.supervisor.wait();
    scratch.expect_stopped();
    scratch.expect_line("ended with status 0");
}

#[test]
fn children_are_left_alone_where_the_mode_says_so() {
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\nkill_mode=process");
    let mut up = scratch.up_supervised(scratch.supervised(&options, "leave-child hang"));
    let child = eventually("the run has its child", || {
        let mut others = scratch.processes();
        others.retain(|pid| ![up.run.pid(), up.supervisor.pid()].contains(pid));
        others.first().copied().and_then(process::Process::open)
    });
    scratch.crash(&mut up);
    assert!(child.is_alive());
    let stop = scratch.supervised_verb(&options, "stop").run();
    assert_eq!(stop.code(), 0, "{stop:?}");
    assert!(child.is_alive());
    child.signal(Signal::SIGKILL);
}

#[test]
fn core_dump_is_told_in_the_log() {
    requires!(linux("a core dump"));
    if !dumps_core_here() {
        return;
    }
    let scratch = Scratch::new();
    let start = scratch.supervised(OPTIONS, "report hang");
    let start = start.limit(nix::sys::resource::Resource::RLIMIT_CORE, 1 << 30);
    let up = scratch.up_supervised(start);
    read_report(&scratch.path("report.json"));
    up.run.signal(Signal::SIGABRT);
    let line = scratch.expect_line("killed by SIGABRT");
    let has_core = scratch
        .files()
        .iter()
        .any(|file| file.to_string_lossy().starts_with("core"));
    assert_eq!(
        line.contains("SIGABRT (core dumped) after"),
        has_core,
        "{line}"
    );
}
