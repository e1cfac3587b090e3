//! The system log: one datagram for each thing that happens to the daemon, see RFC 3164.
//!
//! `syslog(3)` waits when the system log does not read. This never waits: what finds no room, and what
//! no process reads, is dropped.

use std::os::unix::net::UnixDatagram;
use std::time::SystemTime;

use crate::program_name;
use crate::sys::local_time;

#[cfg(target_os = "linux")]
const SOCKET: &str = "/dev/log";
#[cfg(target_vendor = "apple")]
const SOCKET: &str = "/var/run/syslog";
#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
const SOCKET: &str = "/var/run/log";

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// How important a message is, as `syslog(3)` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    Error = 3,
    Notice = 5,
}

/// Tells the system log, if that is possible at once.
pub(crate) fn tell(facility: u32, severity: Severity, text: &str) {
    let Some(time) = local_time::fields(SystemTime::now()) else {
        return;
    };
    let name = program_name::of_this_process();
    let name = name.to_string_lossy();
    let message = message(
        (facility, severity),
        &time,
        (&name, std::process::id()),
        text,
    );
    // A message that is lost does not matter to the daemon.
    let _unsent = UnixDatagram::unbound()
        .and_then(|socket| {
            socket.set_nonblocking(true)?;
            socket.send_to(message.as_bytes(), SOCKET)
        })
        .is_err();
}

fn message(
    (facility, severity): (u32, Severity),
    time: &libc::tm,
    (name, pid): (&str, u32),
    text: &str,
) -> String {
    let priority = facility << 3 | severity as u32;
    let month = usize::try_from(time.tm_mon)
        .ok()
        .and_then(|month| MONTHS.get(month));
    let month = month.unwrap_or(&"Jan");
    let (day, hour) = (time.tm_mday, time.tm_hour);
    let (minute, second) = (time.tm_min, time.tm_sec);
    let line = format!(
        "<{priority}>{month} {day:2} {hour:02}:{minute:02}:{second:02} {name}[{pid}]: {text}"
    );
    line.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_is_that_of_rfc_3164() {
        let time = local_time::fields(SystemTime::now()).map(|time| libc::tm {
            tm_mon: 1,
            tm_mday: 3,
            tm_hour: 4,
            tm_min: 5,
            tm_sec: 6,
            ..time
        });
        let expected = "<29>Feb  3 04:05:06 hello[42]: ready,  pid 7";
        let made = time.map(|time| {
            message(
                (3, Severity::Notice),
                &time,
                ("hello", 42),
                "ready,\n pid 7",
            )
        });
        assert_eq!(made.as_deref(), Some(expected));
    }
}
