//! The units of any two options are valid for systemd.

use std::time::Duration;

use daemon::{Daemon, Error, KillMode, PathSource, Readiness, Restart, Signal, Stdin};

use super::{SECOND, verify};
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::start::Start;

type SetOption = fn(Daemon) -> Daemon;

/// Every option that changes the unit.
const OPTIONS: [SetOption; 25] = [
    |daemon| daemon.user("root"),
    |daemon| daemon.group("0"),
    |daemon| daemon.umask(0o027),
    |daemon| daemon.env("A", "%n \"$B\" \\ ü\t\n'"),
    |daemon| daemon.env_remove(["A", "B"]),
    Daemon::env_clear,
    |daemon| daemon.workdir("/var/tmp/../tmp"),
    |daemon| daemon.workdir(PathSource::template("{state_dir}")),
    |daemon| daemon.chroot("/srv/%n"),
    |daemon| daemon.stop_signal(Signal::from_raw(libc::SIGRTMIN())),
    |daemon| daemon.stop_timeout(Duration::from_nanos(1)),
    |daemon| daemon.kill_mode(KillMode::Process),
    |daemon| daemon.ready(Readiness::notify()),
    |daemon| daemon.ready_timeout(Duration::from_millis(1500)),
    |daemon| daemon.keep_fds([30]).stdin(Stdin::Keep),
    |daemon| {
        daemon
            .listen("http", "0.0.0.0:80")
            .listen("control", "unix:/run/x.sock")
    },
    |daemon| {
        daemon
            .foreground_flag(["-f"])
            .pid("/run/x.pid")
            .pid_in_foreground(true)
    },
    |daemon| {
        daemon
            .restart(Restart::Always)
            .restart_delay(SECOND..=SECOND)
    },
    |daemon| daemon.restart(Restart::OnFailure).restart_limit(3),
    |daemon| daemon.args(["%i", "$A", "a b", ";", "", "\\"]),
    |daemon| {
        daemon
            .pid("/run/x.pid")
            .control_subcommands("run")
            .args(["run", "x"])
    },
    |daemon| {
        daemon
            .workdir(PathSource::template("/{instance}"))
            .instance("w.e_b@-1")
    },
    |daemon| {
        daemon
            .instance_flag("--name")
            .timeout_flag("--timeout")
            .args(["-d", "--name=web", "--timeout", "5"])
    },
    |daemon| {
        daemon
            .log("/var/log/x.log")
            .log_reopen(Signal::SIGUSR1)
            .syslog("daemon")
    },
    |daemon| daemon.before_start(|_| Ok::<(), String>(())),
];

/// The units of any two options, each in a file of its own.
fn write_units(scratch: &Scratch, unit: fn(&Daemon) -> Result<String, Error>) -> Vec<String> {
    let mut names = Vec::new();
    for (first, set_first) in OPTIONS.iter().enumerate() {
        for (second, set_second) in OPTIONS.iter().enumerate().skip(first) {
            let daemon = set_first(Daemon::new());
            let daemon = if first == second {
                daemon
            } else {
                set_second(daemon)
            };
            let name = format!("./unit-{first}@{second}.service");
            scratch.write(&name, unit(&daemon).expect("a unit"));
            names.push(name);
        }
    }
    names
}

/// systemd accepts the units, and remarks only what they say themselves.
fn expect_valid(verify: Start) {
    let outcome = verify.run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let said = outcome.err_text();
    // The unit says that these need a newer systemd.
    let is_known =
        |line: &&str| line.contains("'RestartSteps'") || line.contains("'RestartMaxDelaySec'");
    let other: Vec<_> = said.lines().filter(|line| !is_known(line)).collect();
    assert_eq!(other, [""; 0]);
}

#[test]
fn units_of_any_two_options_are_valid() {
    requires!(program("systemd-analyze"));
    let scratch = Scratch::new();
    let units = write_units(&scratch, Daemon::unit);
    expect_valid(verify(&scratch, &["--"]).args(units));
}

#[test]
fn user_units_of_any_two_options_are_valid() {
    requires!(program("systemd-analyze"));
    let scratch = Scratch::new();
    let units = write_units(&scratch, Daemon::user_unit);
    let start = verify(&scratch, &["--user", "--"]).args(units);
    expect_valid(start.env("XDG_RUNTIME_DIR", scratch.dir()));
}
