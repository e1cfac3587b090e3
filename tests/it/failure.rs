//! A failed start: the output and the status of the program, or one line of the launcher.

use std::fs;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, SystemTime};

use crate::support::daemon::expect_one_line;
use crate::support::outcome::Outcome;
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::users::UNPRIVILEGED;
use nix::sys::resource::Resource;
use nix::sys::socket::{SetSockOpt, sockopt};

/// A start of a program that takes these steps and ends.
fn fail(steps: &str, status: i32) -> Outcome {
    let scratch = Scratch::new();
    let launch = scratch.background().does(steps).run();
    scratch.expect_failed_start(&launch, status);
    // The next start works without cleaning up.
    scratch.up(scratch.background());
    launch
}

/// The launcher prints what the program wrote to its log.
fn expect_words(launch: &Outcome, words: &[&str]) {
    assert_eq!(launch.out_text(), "");
    for word in words {
        assert!(launch.err_text().contains(word), "{word:?} in {launch:?}");
    }
}

#[test]
fn exit_at_once_fails_with_the_status() {
    expect_words(
        &fail("complain:no-such-port exit:3", 3),
        &["no-such-port\n"],
    );
}

#[test]
fn slow_reader_of_non_blocking_errors_gets_the_reason() {
    let scratch = Scratch::new();
    let (mut reader, writer) = UnixStream::pair().expect("two sockets");
    writer.set_nonblocking(true).expect("non-blocking");
    // A socket for local clients takes some hundred short parts.
    sockopt::SndBuf.set(&writer, &4096).expect("a small buffer");
    let start = scratch.background().does("flood:60 exit:3");
    let mut child = start.stderr(OwnedFd::from(writer)).spawn_child();
    let (mut shown, mut part) = (Vec::new(), [0_u8; 1000]);
    while let length @ 1.. = reader.read(&mut part).expect("a part of the output") {
        shown.extend_from_slice(&part[..length]);
    }
    assert_eq!(child.wait().expect("its end").code(), Some(3));
    let shown = String::from_utf8_lossy(&shown);
    assert_eq!(shown.lines().count(), 61, "{shown}");
    assert!(
        shown.contains("\nreport: cannot start in the background"),
        "{shown}"
    );
}

#[test]
fn exit_after_700_ms_of_work_fails_with_the_status() {
    let launch = fail("complain:loading busy:700 complain:corrupt exit:4", 4);
    expect_words(&launch, &["loading\ncorrupt\n"]);
}

#[test]
fn usage_error_reaches_the_terminal() {
    expect_words(
        &fail("complain:usage:-report-FILE return:2", 2),
        &["usage:-report-FILE\n"],
    );
}

#[test]
fn panic_reaches_the_terminal() {
    let status = Scratch::new().panic_status();
    expect_words(
        &fail("panic:out-of-cheese", status),
        &["panicked at", "out-of-cheese\n"],
    );
}

#[test]
fn death_by_signal_fails_with_128_plus_signal() {
    for (signal, status) in [(9, 137), (11, 139), (15, 143), (10, 138)] {
        // The runtime of Rust catches the first SIGSEGV, and lets the next one kill.
        let launch = fail(&format!("say:so-far raise:{signal} raise:{signal}"), status);
        expect_words(&launch, &["so-far\n"]);
        // After a signal the program prints no reason, so the launcher must.
        assert!(launch.err_text().contains("report: "), "{launch:?}");
    }
    expect_words(&fail("abort", 134), &["report: "]);
}

#[test]
fn without_a_log_the_message_names_the_option() {
    let scratch = Scratch::new();
    let options = "pid=report.pid";
    let launch = scratch
        .background()
        .options(options)
        .does("complain:secret exit:3")
        .run();
    scratch.expect_failed_start(&launch, 3);
    expect_one_line(&launch, &[]);
    assert!(!launch.err_text().contains("secret"));
}

#[test]
fn output_of_a_short_job_is_printed() {
    let scratch = Scratch::new();
    scratch.write("report.log", "of an earlier run\n");
    let launch = scratch
        .background()
        .does("say:done busy:20 say:twice")
        .run();
    assert_eq!(launch.code(), 0, "{launch:?}");
    let shown = launch.out_text() + &launch.err_text();
    assert!(shown.contains("done\ntwice\n"), "{launch:?}");
    assert!(
        !shown.contains("earlier"),
        "only since the start: {launch:?}"
    );
    scratch.expect_nothing_left();
    assert!(
        !scratch.path("report.pid").exists(),
        "a normal end removes the file"
    );
}

#[test]
fn only_output_since_the_start_is_shown() {
    let scratch = Scratch::new();
    scratch.write("report.log", "of an earlier run\n");
    let launch = scratch.background().does("complain:now exit:3").run();
    scratch.expect_failed_start(&launch, 3);
    assert!(launch.err_text().contains("now\n"));
    assert!(!launch.err_text().contains("earlier"));
    assert_eq!(scratch.read("report.log"), "of an earlier run\nnow\n");
}

#[test]
fn end_of_long_output_is_shown() {
    let scratch = Scratch::new();
    let launch = scratch
        .background()
        .does("print:4194304 complain:the-reason exit:3")
        .run();
    scratch.expect_failed_start(&launch, 3);
    assert!(launch.err_text().contains("the-reason\n"));
}

#[test]
fn ready_timeout_applies_to_a_busy_program() {
    requires!(linux("the threads of another process"));
    // The default is three seconds, which a busy machine may take as well.
    let is_shorter = (0..5).any(|_| {
        let scratch = Scratch::new();
        let options = "pid=report.pid\nready_timeout=1";
        let daemon = scratch.up(scratch.background().options(options).does("report busy"));
        assert!(daemon.launch.elapsed >= Duration::from_secs(1));
        daemon.launch.elapsed < Duration::from_secs(3)
    });
    assert!(is_shorter);
}

#[test]
fn exec_does_not_wait_for_the_program() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\nready=exec";
    // Under `settled` this would take the whole timeout.
    let daemon = scratch.up(scratch
        .background()
        .options(options)
        .does("busy:1000 report stay"));
    assert!(
        !scratch.path("report.json").exists(),
        "the program is still at work"
    );
    assert!(daemon.report().is_daemon);
}

#[test]
fn printing_without_a_log_takes_no_memory() {
    let scratch = Scratch::new();
    let options = "pid=report.pid";
    let start = scratch
        .background()
        .options(options)
        .does("print:104857600 report stay");
    let daemon = scratch.up(start);
    assert_eq!(
        daemon.report().descriptor(1).expect("stdout").target,
        b"/dev/null"
    );
    let peak = crate::support::process::status_field(daemon.pid(), "VmHWM").expect("the peak");
    let kilobytes: u64 = peak.trim_end_matches(" kB").parse().expect("a number");
    assert!(kilobytes < 20 * 1024, "{peak}");
}

#[test]
fn refusal_is_one_line_with_step_and_reason() {
    let scratch = Scratch::new();
    for (options, status, words) in [
        ("pid=missing/report.pid", 73, ["missing", "does not exist"]),
        (
            "pid=report.pid\nlog=missing/report.log",
            73,
            ["log", "missing does not exist"],
        ),
        (
            "pid=.",
            73,
            ["PID file", scratch.dir().to_str().expect("UTF-8")],
        ),
        (
            "pid=report.pid\nlog=.",
            73,
            ["log", scratch.dir().to_str().expect("UTF-8")],
        ),
    ] {
        let launch = scratch.background().options(options).run();
        scratch.expect_refusal(&launch, status, &words);
        assert!(
            !scratch.path("report.json").exists(),
            "no code of the user ran"
        );
        assert!(
            !scratch.path("report.pid").exists(),
            "nothing is left of {options}"
        );
    }
}

#[test]
fn process_limit_without_a_fork_is_refused() {
    requires!(root);
    let scratch = Scratch::new();
    // The limit does not count for root, so another user it is.
    let owner = Some(UNPRIVILEGED.into());
    nix::unistd::chown(scratch.dir(), owner, None).expect("chown");
    for limit in 0..=1 {
        let start = scratch.report_as(UNPRIVILEGED).arg("-d");
        let start = start.limit(Resource::RLIMIT_NPROC, limit);
        let launch = start.options("pid=report.pid").does("stay").run();
        let words = ["Resource temporarily unavailable"];
        scratch.expect_refusal(&launch, 71, &words);
    }
}

/// Fault 310: it takes the kernel longer to write so much memory than the start may take.
#[test]
fn crash_is_no_success_while_its_core_is_written() {
    requires!(linux("whether a process dumps core"));
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    if !requires::machine(pattern == "core\n", "core dumps in the working directory")
        || !requires::program("prlimit")
    {
        return;
    }
    let scratch = Scratch::new();
    let start = scratch.background().under(&["prlimit", "--core=unlimited"]);
    let start = start.options("pid=report.pid\nlog=report.log\nready_timeout=1");
    let begin = SystemTime::now();
    let launch = start.does("resident:800 note:crashes abort").run();
    let files = fs::read_dir(scratch.path("")).expect("the directory");
    for file in files.flatten() {
        if file.file_name().as_encoded_bytes().starts_with(b"core") {
            fs::remove_file(file.path()).expect("remove the core dump");
        }
    }
    // Beside a load it may take longer to take the memory than the start may take.
    let crashes = fs::metadata(scratch.path("crashes")).and_then(|file| file.modified());
    let is_in_time = crashes.is_ok_and(|at| at < begin + Duration::from_millis(900));
    if requires::machine(is_in_time, "a crash before the timeout") {
        scratch.expect_failed_start(&launch, 134);
    } else if launch.code() == 0 {
        scratch.daemon_of(launch, "report.pid");
    }
}
