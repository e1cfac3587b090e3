//! Systems that do not do what the clones of a launch ask for: the launcher falls back to two forks.

use std::path::PathBuf;
use std::time::Duration;

use crate::support::daemon::read_report;
use crate::support::process::Process;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::{constructor, requires};
use nix::sys::resource::Resource;
use nix::sys::signal::Signal;

/// A system that runs Linux programs, in its own way.
#[derive(Clone, Copy, Debug)]
pub(crate) enum System {
    /// As gVisor.
    IgnoresCloneParent,
    /// It makes a plain fork of `CLONE_VM`, as valgrind.
    CopiesMemory,
    /// The same, but it stores the pid in the copy and refuses `CLONE_PARENT`, as qemu-user.
    RefusesCloneParent,
    /// The same, but it does what `CLONE_PARENT` asks for. No known system does. The copy waits until
    /// the process that made it has ended: else it may be the daemon before that process kills it.
    StoresPidInCopy,
}

/// A library that formats the command line on the stack before each exec, as those do that log it.
fn exec_logger(scratch: &Scratch, kibibytes: u32) -> PathBuf {
    let source = format!(
        "#define _GNU_SOURCE
         #include <dlfcn.h>
         #include <string.h>

         int execve(const char *path, char *const argv[], char *const envp[]) {{
             int (*real)(const char *, char *const *, char *const *) = dlsym(RTLD_NEXT, \"execve\");
             char line[{kibibytes} * 1024];
             memset(line, ' ', sizeof line);
             strncpy(line, argv[0], sizeof line - 1);
             __asm__ volatile(\"\" : : \"r\"(line) : \"memory\");
             return real(path, argv, envp);
         }}"
    );
    constructor::library(scratch, &source)
}

/// What stands in for `clone(2)`.
pub(crate) fn library(scratch: &Scratch, system: System) -> PathBuf {
    let change = match system {
        System::IgnoresCloneParent => "flags &= ~CLONE_PARENT;",
        System::CopiesMemory => "flags &= ~(CLONE_VM | CLONE_VFORK);",
        System::RefusesCloneParent => {
            "if (flags & CLONE_PARENT) { errno = EINVAL; return -1; }
             flags = SIGCHLD | CLONE_CHILD_SETTID;"
        }
        System::StoresPidInCopy => {
            "flags = (flags & (CLONE_PARENT | 0xff)) | CLONE_CHILD_SETTID;
             struct copy copy = { function, argument };
             if (flags & CLONE_PARENT) {
                 if (pipe(copy.end) < 0) return -1;
                 function = wait_and_run;
                 argument = &copy;
             }"
        }
    };
    let source = format!(
        "#define _GNU_SOURCE
         #include <dlfcn.h>
         #include <errno.h>
         #include <sched.h>
         #include <signal.h>
         #include <stdarg.h>
         #include <unistd.h>

         struct copy {{
             int (*function)(void *);
             void *argument;
             int end[2];
         }};

         static int wait_and_run(void *argument) {{
             struct copy *copy = argument;
             char none;
             close(copy->end[1]);
             read(copy->end[0], &none, 1);
             return copy->function(copy->argument);
         }}

         int clone(int (*function)(void *), void *stack, int flags, void *argument, ...) {{
             int (*real)(int (*)(void *), void *, int, void *, ...) = dlsym(RTLD_NEXT, \"clone\");
             va_list rest;
             va_start(rest, argument);
             pid_t *pid = va_arg(rest, pid_t *);
             va_end(rest);
             {change}
             return real(function, stack, flags, argument, pid, 0, pid);
         }}"
    );
    constructor::library(scratch, &source)
}

fn on(scratch: &Scratch, system: System, start: Start) -> Start {
    start.env("LD_PRELOAD", library(scratch, system))
}

const ALL: [System; 4] = [
    System::IgnoresCloneParent,
    System::CopiesMemory,
    System::RefusesCloneParent,
    System::StoresPidInCopy,
];

#[test]
fn daemon_runs_where_the_clones_do_less() {
    requires!(preload, linux("CLONE_PARENT"));
    for system in ALL {
        let scratch = Scratch::new();
        let daemon = scratch.up(on(&scratch, system, scratch.background()));
        let report = daemon.report();
        assert_eq!(report.pid, daemon.pid(), "{system:?}");
        // It runs once.
        scratch.expect_only(daemon.pid());
        assert_eq!(daemon.launch.err_text(), "", "{system:?}");
    }
}

#[test]
fn exit_status_is_known_after_a_fall_back() {
    requires!(preload, linux("CLONE_PARENT"));
    for system in ALL {
        let scratch = Scratch::new();
        let start = on(&scratch, system, scratch.background());
        let launch = start.does("complain:no-luck exit:3").run();
        scratch.expect_failed_start(&launch, 3);
        assert!(launch.err_text().starts_with("no-luck\n"), "{launch:?}");
    }
}

#[test]
fn failed_step_is_named_after_a_fall_back() {
    requires!(preload, linux("CLONE_PARENT"));
    for system in ALL {
        let scratch = Scratch::new();
        let start = on(&scratch, system, scratch.background());
        let launch = start
            .deny(&[libc::SYS_setsid], nix::errno::Errno::EPERM)
            .run();
        scratch.expect_refusal(&launch, 71, &["start a session", "not permitted"]);
    }
}

#[test]
fn late_daemon_is_stopped_after_a_fall_back() {
    requires!(preload, linux("CLONE_PARENT"));
    let scratch = Scratch::new();
    let start = on(&scratch, System::IgnoresCloneParent, scratch.background());
    let options = "pid=report.pid\nlog=report.log\nready=notify\nready_timeout=1";
    let launch = start.options(options).does("ignore:15 stay").run();
    scratch.expect_refusal(&launch, 75, &["within 1 s"]);
}

#[test]
fn orphaned_daemon_gets_one_sigkill() {
    requires!(preload, strace, linux("CLONE_PARENT"));
    let scratch = Scratch::new();
    let start = scratch.background();
    let start = start.traced(&["-e", "trace=kill,tkill,tgkill,pidfd_send_signal"]);
    let start = on(&scratch, System::IgnoresCloneParent, start);
    let options = "pid=report.pid\nlog=report.log\nready=notify\nready_timeout=600";
    let launch = start.options(options).does("report stay").spawn();
    let daemon = read_report(&scratch.path("report.json"));
    let intermediate = Process::open(daemon.sid).expect("the intermediate process");
    intermediate.signal(Signal::SIGKILL);
    let launch = launch.wait();
    scratch.expect_refusal(&launch, 71, &["the intermediate process was killed"]);
    // Not the ten seconds of a stop without success.
    assert!(launch.elapsed < Duration::from_secs(9), "{launch:?}");
    let trace = scratch.read("trace");
    let kills = trace
        .lines()
        .filter(|line| line.contains('(') && line.contains("SIGKILL,"));
    assert_eq!(kills.count(), 1, "{trace}");
}

#[test]
fn library_that_logs_execs_has_room_on_the_stack() {
    requires!(preload, linux("CLONE_VM"));
    let scratch = Scratch::new();
    let logger = exec_logger(&scratch, 512);
    let start = scratch.background().env("LD_PRELOAD", logger);
    let daemon = scratch.up(start.arg("x".repeat(10_000)));
    assert_eq!(daemon.report().arguments[1], "x".repeat(10_000).as_bytes());
}

#[test]
fn full_stack_of_a_child_overwrites_nothing() {
    requires!(preload, linux("CLONE_VM"));
    let scratch = Scratch::new();
    let logger = exec_logger(&scratch, 1500);
    let start = scratch.background().env("LD_PRELOAD", logger);
    let launch = start.limit(Resource::RLIMIT_CORE, 0).run();
    scratch.expect_failed_start(&launch, 139);
    assert!(launch.err_text().contains("SIGSEGV"), "{launch:?}");
}
