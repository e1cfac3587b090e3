//! Threads and processes that the program makes before it calls `start`.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::start;
use crate::support::daemon::read_report;
use crate::support::process::Process;
use crate::support::scratch::Scratch;
use crate::support::{constructor, lock, program, requires};

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
fn threads_in_the_daemon_do_no_harm() {
    let scratch = Scratch::new();
    let daemon = scratch.up(start(&scratch).env("TEST_BEFORE", "threads:3"));
    assert_eq!(daemon.report().threads, 4);
    assert_eq!(lock::holders(&daemon.pid_file), [daemon.pid()]);
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
