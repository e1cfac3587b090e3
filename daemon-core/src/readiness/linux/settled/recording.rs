//! Observations as text: they test the rule on what real programs have shown.
//!
//! A line is one look: `12 3400us p1 1:runs p7<1 7:loop[server,internal]#2f@57300`. That is the time
//! in milliseconds, the clock in microseconds, `partial` where the tree was not complete, each
//! process with its parent, and each thread with its activity: sources in brackets, the place behind
//! `#`, the end of the wait in milliseconds behind `@`: of a wait for a device, its beginning.

use std::fmt::Write as _;
use std::time::Duration;

use nix::unistd::Pid;

use super::calm::Calm;
use super::rule::Condition;
use super::snapshot::{Activity, BlockedWait, Call, ObservedProcess, Snapshot, Thread, WakeSource};

pub(super) fn parse_line(line: &str) -> (Duration, Snapshot) {
    let mut words = line.split_whitespace();
    let time = Duration::from_millis(words.next().unwrap().parse().unwrap());
    let clock = words.next().unwrap().strip_suffix("us").unwrap();
    let mut snapshot = Snapshot {
        processes: Vec::new(),
        is_complete: true,
        clock: Duration::from_micros(clock.parse().unwrap()),
    };
    for word in words {
        if word == "partial" {
            snapshot.is_complete = false;
        } else if let Some(process) = word.strip_prefix('p') {
            let (pid, parent) = match process.split_once('<') {
                Some((pid, parent)) => (pid, Some(parse_pid(parent))),
                None => (process, None),
            };
            snapshot.processes.push(ObservedProcess {
                pid: parse_pid(pid),
                parent,
                threads: Vec::new(),
            });
        } else {
            let (id, activity) = word.split_once(':').unwrap();
            let process = snapshot.processes.last_mut().unwrap();
            process.threads.push(Thread {
                id: parse_pid(id),
                activity: parse_activity(activity),
            });
        }
    }
    (time, snapshot)
}

fn parse_pid(text: &str) -> Pid {
    Pid::from_raw(text.parse().unwrap())
}

pub(super) fn parse_activity(text: &str) -> Activity {
    let Some((call, rest)) = text.split_once('[') else {
        return match text {
            "runs" => Activity::Runs,
            "stopped" => Activity::Stopped,
            "works" => Activity::Works,
            "sleeps" => Activity::Sleeps,
            _ => Activity::WaitsForDevice {
                since: parse_ms(text.strip_prefix("device@").unwrap()),
            },
        };
    };
    let (sources, rest) = rest.split_once(']').unwrap();
    let (place, ends) = match rest.split_once('@') {
        Some((place, ends)) => (place, Some(parse_ms(ends))),
        None => (rest, None),
    };
    let place = place.strip_prefix('#').unwrap_or("0");
    Activity::Waits(BlockedWait {
        call: match call {
            "loop" => Call::EventLoop,
            "child" => Call::Child,
            "wait" => Call::Other,
            _ => panic!("{text}"),
        },
        ends,
        sources: sources.split_terminator(',').map(parse_source).collect(),
        place: u64::from_str_radix(place, 16).unwrap(),
    })
}

fn parse_ms(text: &str) -> Duration {
    Duration::from_millis(text.parse().unwrap())
}

const SOURCES: [(WakeSource, &str); 10] = [
    (WakeSource::Server(0), "server"),
    (WakeSource::Connecting, "connecting"),
    (WakeSource::AwaitingReply(0), "awaiting-reply"),
    (WakeSource::Answered, "answered"),
    (WakeSource::Unspoken(0), "unspoken"),
    (WakeSource::Unclear, "unclear"),
    (WakeSource::UnixPeer, "unix"),
    (WakeSource::Internal, "internal"),
    (WakeSource::Files, "files"),
    (WakeSource::Other, "other"),
];

/// `server`, or `server:80` where the port is known.
fn parse_source(text: &str) -> WakeSource {
    let (name, port) = text.split_once(':').unwrap_or((text, "0"));
    let source = SOURCES.iter().find(|(_, known)| *known == name);
    with_port(
        source.unwrap_or_else(|| panic!("{text}")).0,
        port.parse().unwrap(),
    )
}

fn with_port(source: WakeSource, port: u16) -> WakeSource {
    match source {
        WakeSource::Server(_) => WakeSource::Server(port),
        WakeSource::AwaitingReply(_) => WakeSource::AwaitingReply(port),
        WakeSource::Unspoken(_) => WakeSource::Unspoken(port),
        source => source,
    }
}

fn source_text(source: WakeSource) -> String {
    let kind = with_port(source, 0);
    let name = SOURCES.iter().find(|(known, _)| *known == kind).unwrap().1;
    match source {
        WakeSource::Server(port @ 1..)
        | WakeSource::AwaitingReply(port @ 1..)
        | WakeSource::Unspoken(port @ 1..) => format!("{name}:{port}"),
        _ => name.to_owned(),
    }
}

/// What a line says of one look, pids counted from 1.
pub(super) fn line(time: Duration, snapshot: &Snapshot) -> String {
    let ids: Vec<Pid> = snapshot
        .processes
        .iter()
        .flat_map(|process| {
            [process.pid]
                .into_iter()
                .chain(process.threads.iter().map(|thread| thread.id))
        })
        .collect();
    let number = |pid: Pid| {
        let mut distinct: Vec<Pid> = Vec::new();
        for id in &ids {
            if !distinct.contains(id) {
                distinct.push(*id);
            }
        }
        distinct.iter().position(|id| *id == pid).unwrap() + 1
    };
    let mut line = format!("{} {}us", time.as_millis(), snapshot.clock.as_micros());
    if !snapshot.is_complete {
        line.push_str(" partial");
    }
    for process in &snapshot.processes {
        write!(line, " p{}", number(process.pid)).unwrap();
        if let Some(parent) = process.parent {
            write!(line, "<{}", number(parent)).unwrap();
        }
        for thread in &process.threads {
            write!(
                line,
                " {}:{}",
                number(thread.id),
                activity(&thread.activity)
            )
            .unwrap();
        }
    }
    line
}

fn activity(activity: &Activity) -> String {
    match activity {
        Activity::Runs => "runs".to_owned(),
        Activity::WaitsForDevice { since } => format!("device@{}", since.as_millis()),
        Activity::Stopped => "stopped".to_owned(),
        Activity::Works => "works".to_owned(),
        Activity::Sleeps => "sleeps".to_owned(),
        Activity::Waits(wait) => {
            let call = match wait.call {
                Call::EventLoop => "loop",
                Call::Child => "child",
                Call::Other => "wait",
            };
            let sources: Vec<String> = wait.sources.iter().copied().map(source_text).collect();
            let ends = wait.ends.map(|ends| format!("@{}", ends.as_millis()));
            format!(
                "{call}[{}]#{:x}{}",
                sources.join(","),
                wait.place & 0xffff,
                ends.unwrap_or_default()
            )
        }
    }
}

/// When the rule says that the recorded program is up, in milliseconds, if it does before `timeout`.
pub(super) fn up_at(recording: &str, timeout: u64) -> Option<u64> {
    let looks: Vec<(Duration, Snapshot)> = recording
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(parse_line)
        .collect();
    let end = looks.last().unwrap().0.as_millis().try_into().unwrap();
    let deadline = Duration::from_millis(timeout);
    let mut calm = Calm::default();
    // Between two lines nothing has changed.
    (0..timeout.min(end)).find(|&millisecond| {
        let now = Duration::from_millis(millisecond);
        let Some((_, snapshot)) = looks.iter().rev().find(|(time, _)| *time <= now) else {
            return false;
        };
        calm.needs_look(now, snapshot.clock)
            && calm.add(now, Condition::of(snapshot, deadline), snapshot)
    })
}
