//! What no option of the attribute can say, and so no wrong value of it. Its tests compare the words
//! of the two.

use super::*;
use crate::daemon::Daemon;
use crate::signal::Signal;

fn complaint(daemon: &Daemon) -> Option<String> {
    let error = daemon.check.result().err()?;
    assert_eq!(error.exit_status(), 78);
    Some(error.to_string())
}

#[test]
fn right_value_takes_the_complaint_back() {
    let daemon = Daemon::new().umask(0o7777).pid_mode(0).umask(0o022);
    assert!(complaint(&daemon).is_some_and(|complaint| complaint.contains("`pid_mode`")));
    assert_eq!(complaint(&daemon.pid_mode(0o600)), None);
    let usual = Daemon::new().keep_fds([3, 9]).keep_fds([]).umask(0);
    assert_eq!(complaint(&usual.background_flag(["-d", "--detach"])), None);
}

#[test]
fn wrong_variable_stays_until_all_are_cleared() {
    let daemon = Daemon::new().env("A=", "1").env("B", "2");
    let daemon = daemon.env_remove(["C="]).env_remove(["D"]);
    let options: Vec<_> = daemon
        .check
        .complaints
        .iter()
        .map(|(option, _)| *option)
        .collect();
    assert_eq!(options, ["env", "env_remove"]);
    assert_eq!(complaint(&daemon.env_clear()), None);
    let value = complaint(&Daemon::new().env("A", "\0"));
    assert!(value.is_some_and(|it| it.ends_with("takes values without a NUL byte")));
}

#[test]
fn argument_with_a_nul_byte_is_refused() {
    let daemon = Daemon::new().args(["a\0b"]).args(["c"]);
    let value = complaint(&daemon);
    assert!(value.is_some_and(|it| it.ends_with("takes words without a NUL byte")));
    assert_eq!(complaint(&Daemon::new().args(["", "a"])), None);
}

#[test]
fn only_signals_of_the_program_are_taken() {
    let is_linux = cfg!(target_os = "linux");
    let real_time = Signal::from_raw(if is_linux { 40 } else { 70 });
    assert_eq!((signal(real_time), stop_signal(real_time)), (None, None));
    for other in [-1, 0, 32, 200] {
        let other = Signal::from_raw(other);
        let is_no_signal = |it: Option<String>| it.is_some_and(|it| it.contains("not a signal"));
        assert!(is_no_signal(signal(other)) && is_no_signal(stop_signal(other)));
    }
}
