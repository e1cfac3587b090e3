//! `Daemon::start()`, for programs that read their command line themselves.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::daemon::{expect_one_line, read_report};
use crate::support::process::Process;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::terminal::Terminal;
use crate::support::{constructor, lock, program, requires};

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
fn start_works_with_threads_and_a_resident_gigabyte() {
    let scratch = Scratch::new();
    let program = start(&scratch).env("TEST_BEFORE", "first:once threads:8 resident:1024");
    let daemon = scratch.up(program);
    let report = daemon.report();
    assert_eq!(report.threads, 1, "threads stay where they are");
    let memory = crate::support::process::status_field(daemon.pid(), "VmRSS").expect("its memory");
    let kib: u64 = memory
        .split_whitespace()
        .next()
        .and_then(|kib| kib.parse().ok())
        .expect("a number");
    assert!(kib < 64 * 1024, "so does memory: {memory}");
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
fn threads_in_the_daemon_do_no_harm() {
    let scratch = Scratch::new();
    let daemon = scratch.up(start(&scratch).env("TEST_BEFORE", "threads:3"));
    assert_eq!(daemon.report().threads, 4);
    assert_eq!(lock::holders(&daemon.pid_file), [daemon.pid()]);
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
    let (mut terminal, slave) = Terminal::new();
    let program = start(&scratch).env("TEST_BEFORE", "prompt:answers");
    let launch = program.on_terminal(slave).spawn();
    terminal.read_until("password: ");
    terminal.write(b"secret\n");
    let daemon = scratch.daemon_of(launch.wait(), "report.pid");
    daemon.report();
    let shown = terminal.read_to_end();
    assert_eq!(shown.matches("password: ").count(), 1, "{shown}");
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

#[test]
fn thread_that_forks_does_not_delay_the_launcher() {
    requires!(preload);
    // Each child has all that was open at that moment, and does not close it for half a minute.
    let forks = "
        #include <pthread.h>
        #include <stdlib.h>
        #include <unistd.h>

        static void *fork_often(void *unused) {
            for (int i = 0; i < 300; i++) {
                if (fork() == 0) {
                    sleep(30);
                    _exit(0);
                }
                usleep(300);
            }
            return unused;
        }

        __attribute__((constructor)) static void begin(void) {
            pthread_t thread;
            if (!getenv(\"__DAEMON_HANDOFF\"))
                pthread_create(&thread, NULL, fork_often, NULL);
        }
    ";
    let scratch = Scratch::new();
    let library = constructor::library(&scratch, forks);
    // They have the streams of the launcher too, which the test would wait for.
    let file = |name| std::fs::File::create(scratch.path(name)).expect("a file");
    let program = start(&scratch).stdout(file("out")).stderr(file("err"));
    let program = program.options("pid=report.pid\nlog=report.log\nready=exec");
    let launch = program.env("LD_PRELOAD", &library).run();
    assert!(launch.elapsed < Duration::from_secs(20));
    let daemon = scratch.read("report.pid");
    for pid in scratch.processes() {
        if format!("{pid}\n") != daemon {
            Process::open(pid).inspect(|child| child.signal(Signal::SIGKILL));
        }
    }
    scratch.daemon_of(launch, "report.pid").report();
}

#[test]
fn child_before_start_does_not_become_the_daemon() {
    requires!(preload);
    let child = r#"
        #include <stdlib.h>
        #include <sys/wait.h>
        #include <unistd.h>

        __attribute__((constructor)) static void begin(void) {
            if (!getenv("__DAEMON_HANDOFF") || getenv("CHILD"))
                return;
            if (fork() == 0) {
                setenv("CHILD", "1", 1);
                setenv("TEST_REPORT", "child.json", 1);
                setenv("TEST_DOES", "report", 1);
                unsetenv("TEST_START");
                execl(getenv("PROGRAM"), "report", (char *) 0);
                _exit(9);
            }
            wait(NULL);
        }
    "#;
    let scratch = Scratch::new();
    let library = constructor::library(&scratch, child);
    let program = start(&scratch).env("PROGRAM", program::path("report"));
    let daemon = scratch.up(program.env("LD_PRELOAD", &library));
    let report = daemon.report();
    assert!(report.is_daemon);
    assert_eq!(lock::holders(&daemon.pid_file), [daemon.pid()]);
    assert!(!read_report(&scratch.path("child.json")).is_daemon);
}

#[test]
fn output_is_shown_when_a_thread_reaped_the_daemon() {
    requires!(linux("a daemon that is a child of the launcher"), preload);
    let reap = "
        #define _GNU_SOURCE
        #include <pthread.h>
        #include <stdlib.h>
        #include <sys/resource.h>
        #include <sys/syscall.h>
        #include <sys/wait.h>
        #include <unistd.h>

        static int is_launcher;

        static void *reap(void *unused) {
            for (;;)
                if (wait4(-1, NULL, 0, NULL) < 0)
                    usleep(200);
            return unused;
        }

        // In the launcher a child has ended only when the thread has reaped it.
        int waitid(idtype_t type, id_t id, siginfo_t *ended, int options) {
            for (;;) {
                int failed = syscall(SYS_waitid, type, id, ended, options, NULL);
                if (!is_launcher || failed || ended->si_pid == 0)
                    return failed;
                usleep(200);
            }
        }

        pid_t waitpid(pid_t pid, int *status, int options) {
            if (!is_launcher)
                return wait4(pid, status, options, NULL);
            for (;;) {
                siginfo_t ended = {0};
                if (waitid(P_PID, pid, &ended, WEXITED | WNOWAIT | WNOHANG))
                    return -1;
                if (options & WNOHANG)
                    return 0;
                usleep(200);
            }
        }

        __attribute__((constructor)) static void begin(void) {
            pthread_t thread;
            is_launcher = !getenv(\"__DAEMON_HANDOFF\");
            if (is_launcher)
                pthread_create(&thread, NULL, reap, NULL);
        }
    ";
    let scratch = Scratch::new();
    let library = constructor::library(&scratch, reap);
    let program = start(&scratch).env("LD_PRELOAD", &library);
    let launch = program.does("complain:no-luck exit:3").run();
    assert_eq!(launch.code(), 71);
    let said = launch.err_text();
    assert!(said.starts_with("no-luck\n"), "{said}");
    assert!(
        said.contains("already reaped elsewhere in this process"),
        "{said}"
    );
    assert!(!lock::is_held(&scratch.path("report.pid")));

    let program = start(&scratch).env("LD_PRELOAD", &library);
    scratch.up(program).report();
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
