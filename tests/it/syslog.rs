//! `syslog`, beside a system log that is missing, does not read, or was started again.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use nix::sys::signal::Signal;

use crate::support::deadline::{WAIT_TIMEOUT, eventually};
use crate::support::outcome::Outcome;
use crate::support::process::Process;
use crate::support::requires;
use crate::support::scratch::Scratch;

const OPTIONS: &str = "pid=report.pid\nready=exec\ncontrol_flag=-s\nsyslog=daemon";

/// What a process sees as `/dev`: `/dev/null` and the socket of the test.
const WITH_OWN_LOG: &str = r#"mount --bind /dev/null dev/null &&
    mount --rbind dev /dev && exec "$0" "$@""#;

impl Scratch {
    fn with_own_log(&self, options: &str, words: &[&str]) -> Outcome {
        let start = self.report().options(options).does("hang").args(words);
        start
            .under(&["unshare", "-m", "sh", "-c", WITH_OWN_LOG])
            .run()
    }

    fn start_and_stop(&self) {
        for words in [&["-d"][..], &["-s", "stop"]] {
            let outcome = self.with_own_log(OPTIONS, words);
            assert_eq!((outcome.code(), &*outcome.err_text()), (0, ""));
        }
    }

    fn socket(&self) -> PathBuf {
        self.path("dev/log")
    }

    /// A system log that was just started.
    fn system_log(&self) -> UnixDatagram {
        fs::remove_file(self.socket()).ok();
        let log = UnixDatagram::bind(self.socket()).expect("bind");
        log.set_read_timeout(Some(WAIT_TIMEOUT)).expect("a timeout");
        log
    }

    fn supervised_run(&self, count: usize) -> i32 {
        eventually("the run is up", || {
            let runs = self.read("runs");
            let pid = runs.lines().nth(count - 1)?;
            pid.parse().ok()
        })
    }
}

/// The next message ends in this way.
fn expect_message(log: &UnixDatagram, end: &str) {
    let mut message = [0; 1024];
    let length = log.recv(&mut message).expect("a message");
    let message = String::from_utf8_lossy(&message[..length]);
    assert!(message.ends_with(end), "{message:?} and not {end:?}");
}

/// Sends as much as it takes. Where systemd has booted the machine, its queue is longer than what one
/// sender may have on the way.
fn fill(scratch: &Scratch) {
    while send_until_full(scratch) > 0 {}
}

fn send_until_full(scratch: &Scratch) -> usize {
    let sender = UnixDatagram::unbound().expect("a socket");
    sender.set_nonblocking(true).expect("a flag");
    let mut sent = 0;
    loop {
        match sender.send_to(b"another program", scratch.socket()) {
            Ok(_) => sent += 1,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return sent,
            Err(error) => panic!("{error}"),
        }
    }
}

fn private_dev() -> Scratch {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("dev")).expect("mkdir");
    scratch.write("dev/null", "");
    scratch
}

#[test]
fn system_log_may_be_missing_stopped_or_full() {
    requires!(namespaces);
    let scratch = private_dev();
    scratch.start_and_stop();
    // The socket of one that was stopped.
    drop(scratch.system_log());
    scratch.start_and_stop();
    let log = scratch.system_log();
    fill(&scratch);
    scratch.start_and_stop();
    let mut message = [0; 1024];
    log.set_nonblocking(true).expect("a flag");
    while let Ok(length) = log.recv(&mut message) {
        assert_eq!(&message[..length], b"another program");
    }
    log.set_nonblocking(false).expect("a flag");
    let outcome = scratch.with_own_log(OPTIONS, &["-d"]);
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let pid = scratch.read("report.pid").trim().to_owned();
    expect_message(&log, &format!(": started, pid {pid}"));
    expect_message(&log, &format!(": ready, pid {pid}"));
    drop(log);
    let log = scratch.system_log();
    let outcome = scratch.with_own_log(OPTIONS, &["-s", "stop"]);
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    expect_message(&log, &format!(": stopped, pid {pid}"));
}

#[test]
fn supervisor_finds_a_system_log_that_is_new() {
    requires!(namespaces, linux("the restart of a run"));
    let scratch = private_dev();
    let options = format!("{OPTIONS}\nrestart=on-failure\nrestart_delay=1..1");
    let log = scratch.system_log();
    let start = scratch
        .report()
        .options(&*options)
        .arg("-d")
        .does("note:runs hang");
    let start = start.under(&["unshare", "-m", "sh", "-c", WITH_OWN_LOG]);
    assert_eq!(start.run().code(), 0);
    let first = scratch.supervised_run(1);
    expect_message(&log, &format!(": started, pid {first}"));
    expect_message(&log, &format!(": ready, pid {first}"));
    // Full, then missing.
    fill(&scratch);
    let kill = |pid| {
        let run = Process::open(pid).expect("the run");
        run.signal(Signal::SIGKILL);
    };
    kill(first);
    let second = scratch.supervised_run(2);
    drop(log);
    fs::remove_file(scratch.socket()).expect("remove");
    kill(second);
    let third = scratch.supervised_run(3);
    let log = scratch.system_log();
    kill(third);
    loop {
        let mut message = [0; 1024];
        let length = log.recv(&mut message).expect("a message");
        let message = String::from_utf8_lossy(&message[..length]);
        // The last run may become ready after its note.
        if message.contains(": killed by SIGKILL after ") {
            break;
        }
        assert!(message.ends_with(&format!("pid {third}")), "{message}");
    }
    eventually("it is stopped", || {
        let stop = scratch.report().options(&*options).args(["-s", "stop"]);
        (stop.run().code() == 0).then_some(())
    });
}
