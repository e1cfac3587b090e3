//! What the system, or the place of the program in it, does not allow: one line, one status.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::outcome::Outcome;
use crate::support::scratch::Scratch;
use crate::support::users::UNPRIVILEGED;
use crate::support::{program, requires};
use nix::sys::resource::Resource;
use nix::unistd::{Uid, chown, setresuid};

#[test]
fn failed_system_call_is_named_with_its_reason() {
    requires!(strace);
    for (fault, words) in [
        ("setsid:error=EPERM", ["session", "Operation not permitted"]),
        ("clone:error=ENOMEM", ["create", "Cannot allocate memory"]),
        (
            "clone:error=EAGAIN",
            ["create", "Resource temporarily unavailable"],
        ),
        ("socketpair:error=EMFILE", ["", "Too many open files"]),
        (
            "pipe2:error=ENFILE",
            ["pipe for signals", "Too many open files in system"],
        ),
        (
            "pipe2:error=ENFILE:when=2",
            ["make a pipe:", "Too many open files in system"],
        ),
    ] {
        // There it is one socket pair more.
        if cfg!(daemon_fork) && fault.ends_with("when=2") {
            continue;
        }
        let scratch = Scratch::new();
        let launch = under_fault(&scratch, &[], fault);
        scratch.expect_refusal(&launch, 71, &words);
        assert!(
            scratch.read("trace").contains("(INJECTED)"),
            "{fault} was met"
        );
        scratch.up(scratch.background());
    }
}

#[test]
fn failed_exec_is_named_with_its_reason() {
    requires!(linux("/proc/self/exe"), strace);
    for (errno, words) in [
        ("EACCES", "Permission denied"),
        ("ENOENT", "No such file or directory"),
        ("E2BIG", "Argument list too long"),
        ("ETXTBSY", "Text file busy"),
        ("ENOEXEC", "Exec format error"),
        ("ELIBBAD", "Accessing a corrupted shared library"),
    ] {
        let scratch = Scratch::new();
        let path = ["-P", "/proc/self/exe"];
        let launch = under_fault(&scratch, &path, &format!("execve:error={errno}"));
        scratch.expect_refusal(&launch, 71, &["execute", words]);
        scratch.up(scratch.background());
    }
}

#[test]
fn pid_file_fault_leaves_no_partial_pid() {
    requires!(linux("the system calls of the launch"), strace);
    for (fault, words) in [
        ("fcntl:error=ENOLCK", "locks are not supported"),
        ("pwrite64:error=ENOSPC", "No space left on device"),
        ("pwrite64:error=EDQUOT", "Disk quota exceeded"),
        ("pwrite64:error=EIO", "Input/output error"),
    ] {
        let scratch = Scratch::new();
        scratch.write("report.pid", "1234567\n");
        let path = scratch.path("report.pid");
        let path = path.to_str().expect("UTF-8");
        let launch = under_fault(&scratch, &["-P", path], fault);
        scratch.expect_refusal(&launch, 73, &["PID file", words]);
        assert!(
            scratch.read("trace").contains("(INJECTED)"),
            "{fault} was met"
        );
        scratch.up(scratch.background());
    }
}

/// A start in which a system call fails whenever it is made.
fn under_fault(scratch: &Scratch, filter: &[&str], fault: &str) -> Outcome {
    let inject = format!("-einject={fault}");
    let options = [filter, &[&inject]].concat();
    scratch.background().traced(&options).run()
}

#[test]
fn set_uid_program_is_refused() {
    requires!(root);
    let scratch = Scratch::new();
    let copy = scratch.copy_program(&program::path("report"), "report");
    chown(&copy, Some(UNPRIVILEGED.into()), None).expect("chown");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o4755)).expect("chmod");
    let start = scratch
        .start_path(&copy)
        .arg("-d")
        .options("pid=report.pid");
    let launch = start.does("stay").run();
    scratch.expect_refusal(&launch, 77, &["set-uid"]);
    assert!(!scratch.path("report.pid").exists());
    // The foreground is not refused.
    let start = scratch.start_path(&copy).does("say:hello");
    assert_eq!(start.run().out_text(), "hello\n");
}

/// As a set-uid program executes it: its own file has no such bit.
#[test]
fn program_with_unequal_ids_is_refused() {
    requires!(root);
    let scratch = Scratch::new();
    let start = scratch.background().before_exec(|| {
        let root = Uid::from_raw(0);
        Ok(setresuid(Uid::from_raw(UNPRIVILEGED), root, root)?)
    });
    scratch.expect_refusal(&start.run(), 77, &["set-uid"]);
}

/// Fault 218: the rights come back after the start, or with the next exec.
#[test]
fn set_uid_program_with_lowered_ids_is_refused() {
    if !requires::root() {
        return;
    }
    for (mode, before) in [
        (0o4755, "lower"),
        (0o4755, "drop-ids"),
        (0o2755, "lower"),
        (0o2755, "drop-ids"),
    ] {
        let scratch = Scratch::new();
        let copy = scratch.copy_program(&program::path("report"), "report");
        chown(&copy, Some(UNPRIVILEGED.into()), Some(UNPRIVILEGED.into())).expect("chown");
        fs::set_permissions(&copy, fs::Permissions::from_mode(mode)).expect("chmod");
        let start = scratch
            .start_path(&copy)
            .arg("-b")
            .env("TEST_START", "start");
        let start = start.env("TEST_BEFORE", before).options("pid=report.pid");
        let launch = start.does("stay").run();
        scratch.expect_refusal(&launch, 77, &["set-uid"]);
        assert!(!scratch.path("report.pid").exists(), "{mode:o} {before}");
    }
}

#[test]
fn process_1_is_refused() {
    requires!(namespaces);
    let scratch = Scratch::new();
    let kinds = ["-m", "-p", "-f", "--mount-proc"];
    let launch = scratch.in_namespaces(&kinds, "exec \"$0\" -d").run();
    scratch.expect_refusal(&launch, 78, &["foreground"]);
    // Started by the first process, it is a start like any other; the namespace ends with it.
    let launch = scratch
        .in_namespaces(&kinds, "\"$0\" -d; echo $?; cat report.pid")
        .run();
    let pid = launch.out_text();
    let pid = pid.strip_prefix("0\n").expect("a daemon");
    assert!(
        pid.trim_end().parse::<u32>().is_ok_and(|pid| pid < 100),
        "{launch:?}"
    );
}

#[test]
fn notify_unit_is_refused_with_advice() {
    let scratch = Scratch::new();
    let script = "SYSTEMD_EXEC_PID=$$ NOTIFY_SOCKET=/run/systemd/notify exec \"$0\" \"$@\"";
    let launch = scratch.background().under(&["sh", "-c", script]).run();
    scratch.expect_refusal(&launch, 64, &["Type=notify", "run in the foreground"]);
    // The variable of another process means nothing here.
    let script = "SYSTEMD_EXEC_PID=1 NOTIFY_SOCKET=/run/systemd/notify exec \"$0\" \"$@\"";
    let launch = scratch.background().under(&["sh", "-c", script]).run();
    scratch.daemon_of(launch, "report.pid");
}

#[test]
fn missing_proc_is_refused() {
    requires!(namespaces);
    let scratch = Scratch::new();
    let commands = "umount -l /proc || exit 99; exec \"$0\" -d";
    let launch = scratch.in_namespaces(&["-m"], commands).run();
    scratch.expect_refusal(&launch, 71, &["/proc"]);
}

#[test]
fn missing_dev_null_is_refused() {
    requires!(namespaces);
    for prepare in [":", "echo planted >/dev/null"] {
        let scratch = Scratch::new();
        let commands =
            format!("mount -t tmpfs tmpfs /dev || exit 99; {prepare}; exec \"$0\" -d <&1");
        let launch = scratch.in_namespaces(&["-m"], &commands).run();
        scratch.expect_refusal(&launch, 71, &["/dev/null"]);
    }
}

#[test]
fn file_system_that_became_noexec_is_refused() {
    requires!(namespaces);
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("mnt")).expect("mkdir");
    // The launcher runs already when the file system loses its right to execute.
    let commands = "mount -t tmpfs tmpfs mnt && cp \"$0\" mnt/report || exit 99\n\
                    exec mnt/report -d";
    let launch = scratch
        .in_namespaces(&["-m"], commands)
        .options("log=report.log\npid_and_noexec=report.pid")
        .run();
    scratch.expect_refusal(&launch, 71, &["execute", "Permission denied"]);
}

#[test]
fn only_safe_calls_between_clone_and_exec() {
    requires!(strace);
    let scratch = Scratch::new();
    let launch = scratch.background().does("report").traced(&[]).run();
    assert_eq!(launch.code(), 0, "{launch:?}");
    let trace = scratch.read("trace");
    let lines: Vec<(&str, &str)> = trace
        .lines()
        .filter_map(|line| line.split_once(char::is_whitespace))
        .map(|(pid, call)| (pid, call.trim_start()))
        .collect();
    let launcher = lines.first().expect("a trace").0;
    let mut calls = 0;
    let mut executed = Vec::new();
    for (pid, call) in lines {
        if pid == launcher || executed.contains(&pid) {
            continue;
        }
        if call.starts_with("execve(\"") {
            executed.push(pid);
        }
        let forbidden = [
            "futex",
            "brk",
            "mmap",
            "munmap",
            "mprotect",
            "openat",
            "getrandom",
        ];
        assert!(
            !forbidden
                .iter()
                .any(|name| call.starts_with(&format!("{name}("))),
            "{pid} {call}"
        );
        calls += 1;
    }
    assert_eq!(executed.len(), 1, "one process executes the program");
    assert!(calls > 10, "{calls} calls were seen");
}

#[test]
fn children_in_another_pid_namespace_are_refused() {
    requires!(linux("pids across namespaces"), namespaces);
    let scratch = Scratch::new();
    let launch = scratch.background().under(&["unshare", "--pid"]).run();
    scratch.expect_refusal(&launch, 71, &["another PID namespace"]);
}

#[test]
fn file_size_limit_does_not_hide_the_reason() {
    let scratch = Scratch::new();
    let said = fs::File::create(scratch.path("said")).expect("a file");
    let start = scratch.background().stderr(said);
    // Not even the reason may be written, but nothing is killed for trying.
    assert_eq!(start.limit(Resource::RLIMIT_FSIZE, 0).run().code(), 73);
    scratch.expect_nothing_left();
}

#[test]
fn refused_new_pid_file_is_removed() {
    requires!(root);
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\npid_mode=666";
    let launch = scratch.background().options(options).run();
    scratch.expect_refusal(&launch, 78, &["other users can write to it"]);
    assert!(!scratch.path("report.pid").exists());
    scratch.up(scratch.background());
}
