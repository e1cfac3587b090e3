//! Which signals an option takes.

use crate::signal::Signal;

const UNCATCHABLE: [Signal; 2] = [Signal::SIGKILL, Signal::SIGSTOP];
const ENDING: [Signal; 3] = [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM];
/// Those whose meaning a program chooses.
const FREE: [Signal; 8] = [
    Signal::SIGHUP,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGCONT,
    Signal::SIGURG,
    Signal::SIGWINCH,
    Signal::SIGIO,
];

/// A signal that asks a program to end.
pub(crate) fn stop_signal(signal: Signal) -> Option<String> {
    if UNCATCHABLE.contains(&signal) {
        Some("takes a signal that can be caught, such as `SIGINT`".to_owned())
    } else if ENDING.contains(&signal) || is_free(signal) {
        None
    } else {
        Some(has_another_meaning(signal, "SIGTERM", "SIGINT"))
    }
}

/// A real-time signal is free too.
fn is_free(signal: Signal) -> bool {
    #[cfg(target_os = "linux")]
    let real_time = libc::SIGRTMIN()..=libc::SIGRTMAX();
    // FreeBSD has most of them.
    #[cfg(not(target_os = "linux"))]
    let real_time = 65..=126;
    FREE.contains(&signal) || real_time.contains(&signal.as_raw())
}

fn has_another_meaning(signal: Signal, one: &str, other: &str) -> String {
    match signal.name() {
        Some(name) => format!("`{name}` has another meaning; use `{one}` or `{other}`"),
        None => format!("`{signal}` is not a signal; use `{one}` or `{other}`"),
    }
}

/// A signal that asks a program to do something while it runs on.
pub(crate) fn signal(signal: Signal) -> Option<String> {
    if UNCATCHABLE.contains(&signal) {
        Some(format!(
            "`{signal}` cannot be caught; use `SIGHUP` or `SIGUSR1`"
        ))
    } else if ENDING.contains(&signal) {
        Some(format!(
            "`{signal}` ends a program; use `SIGHUP` or `SIGUSR1`"
        ))
    } else if is_free(signal) {
        None
    } else {
        Some(has_another_meaning(signal, "SIGHUP", "SIGUSR1"))
    }
}
