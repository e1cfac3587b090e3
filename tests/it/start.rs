//! `Daemon::start()`, for programs that read their command line themselves.

mod code_before;

use crate::support::daemon::{expect_one_line, read_report};
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::start::Start;

/// `report -b`, a program that reads its own switch and calls `start`.
fn start(scratch: &Scratch) -> Start {
    scratch.report().arg("-b").env("TEST_START", "start")
}

#[test]
fn daemon_gets_the_whole_command_line() {
    for method in ["start", "try_start"] {
        let scratch = Scratch::new();
        let program = scratch.report().env("TEST_START", method);
        let daemon = scratch.up(program.args(["serve", "-b", "-d", "--background"]));
        assert_eq!(daemon.launch.err_text(), "");
        let report = daemon.report();
        let arguments: [&[u8]; 4] = [b"serve", b"-b", b"-d", b"--background"];
        assert_eq!(report.arguments[1..], arguments, "its own switch included");
    }
}

#[test]
fn without_start_the_program_is_in_foreground() {
    let scratch = Scratch::new();
    let program = scratch.report().env("TEST_START", "start");
    let outcome = program.arg("-d").does("report return:7").run();
    assert_eq!(outcome.code(), 7);
    let report = read_report(&scratch.path("report.json"));
    assert!(!report.is_daemon);
    assert!(!scratch.path("report.pid").exists() && !scratch.path("report.log").exists());
}

#[test]
fn code_before_start_runs_twice() {
    let scratch = Scratch::new();
    let program = start(&scratch).env("TEST_BEFORE", "note:before");
    let daemon = scratch.up(program.does("note:behind report stay"));
    daemon.report();
    let (launcher, pid) = (daemon.launch.pid, daemon.pid());
    assert_eq!(scratch.read("before"), format!("{launcher}\n{pid}\n"));
    assert_eq!(scratch.read("behind"), format!("{pid}\n"));
}

#[test]
fn start_copies_no_memory() {
    requires!(linux("CLONE_VM"), strace);
    let scratch = Scratch::new();
    // strace stays with all that it traces.
    let program = start(&scratch)
        .env("TEST_BEFORE", "first:once threads:2 resident:64")
        .does("return:0")
        .traced(&["-e", "trace=clone,clone3,fork,vfork"]);
    assert_eq!(program.run().code(), 0);
    let trace = scratch.read("trace");
    let (threads, processes): (Vec<_>, Vec<_>) = trace
        .lines()
        .filter(|line| line.contains("flags="))
        .partition(|line| line.contains("CLONE_THREAD"));
    assert_eq!((threads.len(), processes.len()), (2, 2), "{trace}");
    for process in processes {
        assert!(process.contains("CLONE_VM|CLONE_VFORK"), "{process}");
    }
}

#[test]
fn buffers_and_exit_handlers_run_once() {
    let scratch = Scratch::new();
    let program = start(&scratch).env("TEST_BEFORE", "buffer:text at-exit");
    let daemon = scratch.up(program);
    let text = daemon.launch.out_text();
    let once = |text: &str| {
        for part in ["text of Rust;", "text of C\n"] {
            assert_eq!(text.matches(part).count(), 1, "once: {text}");
        }
    };
    once(&text);
    daemon.report();
    let launcher = daemon.launch.pid;
    assert_eq!(scratch.read("at-exit"), format!("{launcher}\n"));

    let pid = daemon.pid();
    daemon.stop();
    once(&scratch.read("report.log"));
    assert_eq!(scratch.read("at-exit"), format!("{launcher}\n{pid}\n"));
}

#[test]
fn failed_start_exits_with_the_status() {
    let scratch = Scratch::new();
    let first = scratch.up(start(&scratch));
    let second = start(&scratch).run();
    assert_eq!(second.code(), 69);
    let words = format!(
        "cannot lock the PID file {}: already running, pid {}\n",
        first.pid_file.display(),
        first.pid()
    );
    expect_one_line(&second, &[&words]);

    let scratch = Scratch::new();
    let launch = start(&scratch).does("complain:no-luck exit:3").run();
    scratch.expect_failed_start(&launch, 3);
    assert!(launch.err_text().starts_with("no-luck\n"), "{launch:?}");
}

#[test]
fn prompt_before_start_asks_in_the_launcher_only() {
    let scratch = Scratch::new();
    let program = start(&scratch).env("TEST_BEFORE", "prompt:answers");
    scratch.up_with_password(program);
    assert_eq!(scratch.read("answers"), "secret\n\n");
    assert_eq!(scratch.read("report.log"), "password: ");
}

#[test]
fn closed_standard_streams_do_not_fail_start() {
    let scratch = Scratch::new();
    // The launcher has something to print and no stream for it.
    let closed = |start: Start| {
        let start = start.env("TEST_BEFORE", "first:launcher close-streams");
        let start = start.env("SUPERVISOR_ENABLED", "1");
        scratch.below("supervisord", start, "$0 -b")
    };
    let daemon = scratch.up(closed(start(&scratch)));
    let report = daemon.report();
    assert_eq!(report.descriptor(0).expect("0").target, b"/dev/null");
    daemon.stop();
    std::fs::remove_file(scratch.path("launcher")).expect("the mark");
    let failed = closed(start(&scratch)).does("complain:no exit:3").run();
    scratch.expect_failed_start(&failed, 3);
    assert!(!scratch.path("report.pid").exists());
    assert_eq!(scratch.read("report.log"), "no\n");
}

/// Fault 230: a program with SIGPIPE at its default, whose reader of standard error has gone.
#[test]
fn closed_standard_error_does_not_kill_the_launcher() {
    let scratch = Scratch::new();
    let (reader, writer) = nix::unistd::pipe().expect("a pipe");
    drop(reader);
    // The warning about its input is a line that the launcher writes.
    let input = scratch.write("input", "unread");
    let start = start(&scratch).env("TEST_BEFORE", "default:13");
    let start = start
        .stdin(std::fs::File::open(input).expect("the input"))
        .stderr(writer);
    scratch.up(start);
}

/// Fault 231
/// A filter may kill the process for it. A program that has just been executed says nothing that would
/// need it.
#[test]
fn launch_with_exec_makes_no_timer() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\nready=exec";
    let start = scratch.background().options(options);
    scratch.up(start.kill_at(libc::SYS_timer_create));
}

#[test]
fn start_on_another_thread_keeps_the_names() {
    let scratch = Scratch::new();
    let start = scratch.report().env("TEST_START", "thread");
    let daemon = scratch.up(start.does("report stay"));
    assert_eq!(daemon.report().comm, b"report");
    let tasks = std::fs::read_dir(format!("/proc/{}/task", daemon.pid())).expect("its threads");
    let mut names: Vec<_> = tasks
        .map(|task| task.expect("a thread").path().join("comm"))
        .map(|path| std::fs::read_to_string(path).expect("a name"))
        .collect();
    names.sort();
    assert_eq!(names, ["report\n", "worker-7\n"]);
}

/// Fault 215
#[test]
fn threads_that_start_at_once_are_one_daemon() {
    let scratch = Scratch::new();
    let start = scratch.report().env("TEST_START", "threads");
    let daemon = scratch.up(start);
    daemon.report();
    scratch.expect_processes(1);
}

#[test]
fn unread_input_is_a_warning() {
    let words = ["standard input is not passed to the daemon"];
    let scratch = Scratch::new();
    let input = scratch.write("input", "unread");
    let file = std::fs::File::open(input).expect("the input");
    let launch = scratch.up(scratch.background().does("stay").stdin(file));
    expect_one_line(&launch.launch, &words);
    drop(launch);

    let scratch = Scratch::new();
    let (reader, writer) = nix::unistd::pipe().expect("a pipe");
    nix::unistd::write(&writer, b"unread").expect("write");
    let launch = scratch.up(scratch.background().does("stay").stdin(reader));
    expect_one_line(&launch.launch, &words);
    drop(launch);

    // Below ssh or in a pipeline there may be a pipe that stays empty.
    let scratch = Scratch::new();
    let (reader, _writer) = nix::unistd::pipe().expect("a pipe");
    let launch = scratch.up(scratch.background().does("stay").stdin(reader));
    assert_eq!(launch.launch.err_text(), "");
}
