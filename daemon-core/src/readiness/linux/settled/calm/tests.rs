use super::*;
use crate::readiness::platform::settled::recording::{parse_line, up_at};

/// Looks until the time of the last line; `%` stands for the lines before.
fn up(lines: &[&str]) -> Option<u64> {
    up_at(&lines.join("\n"), 3000)
}

#[test]
fn server_is_up_after_3_ms() {
    assert_eq!(
        up(&["0 0us p1 1:loop[server]", "100 0us p1 1:runs"]),
        Some(3)
    );
    assert_eq!(up(&["0 0us p1 1:loop[server]", "3 0us p1 1:runs"]), None);
    // Its housekeeping does not count, but all threads have to be asleep.
    let ticks: Vec<String> = (0..10)
        .map(|time| format!("{time} {time}us p1 1:loop[server]@9"))
        .collect();
    assert_eq!(up_at(&ticks.join("\n"), 3000), Some(3));
    let runs = [
        "0 0us p1 1:loop[server]",
        "2 1us p1 1:runs",
        "3 2us p1 1:loop[server]",
        "9 2us p1",
    ];
    assert_eq!(up(&runs), Some(6));
}

#[test]
fn waiting_program_is_up_after_20_quiet_ms() {
    let waits = "0 0us p1 1:wait[other]";
    assert_eq!(up(&[waits, "100 0us p1 1:runs"]), Some(20));
    let runs = [waits, "19 1us p1 1:wait[other]", "100 1us p1"];
    assert_eq!(up(&runs), Some(39));
}

#[test]
fn program_without_a_request_is_up_after_5_quiet_ms() {
    assert_eq!(up(&["0 0us p1 1:wait[]", "100 0us p1 1:runs"]), Some(5));
    let runs = ["0 0us p1 1:wait[]", "4 1us p1 1:wait[]", "100 1us p1"];
    assert_eq!(up(&runs), Some(9));
}

#[test]
fn hidden_threads_are_waited_for_50_ms() {
    assert_eq!(up(&["0 0us p1 1:sleeps", "100 0us p1"]), Some(50));
    let partial = ["0 0us partial p1 1:loop[server]", "100 0us p1"];
    assert_eq!(up(&partial), Some(50));
}

#[test]
fn other_condition_begins_a_new_window() {
    let lines = ["0 0us p1 1:wait[other]", "10 0us p1 1:sleeps", "100 0us p1"];
    assert_eq!(up(&lines), Some(70), "seen when the first window is over");
    let lines = ["0 0us p1 1:wait[other]", "10 1us p1 1:sleeps", "100 1us p1"];
    assert_eq!(up(&lines), Some(60));
}

#[test]
fn timed_wait_is_waited_for() {
    let lines = ["0 0us p1 1:wait[]@200", "200 1us p1 1:runs", "201 1us p1"];
    assert_eq!(up(&lines), None);
    let lines = [
        "0 0us p1 1:wait[]@200",
        "200 1us p1 1:wait[server]",
        "300 1us p1",
    ];
    assert_eq!(up(&lines), Some(203));
}

/// A thread that wakes up so often, at this interval.
fn ticking(count: u64, interval: u64) -> String {
    let mut lines: Vec<String> = (0..count)
        .map(|tick| {
            let (time, ends) = (tick * interval, (tick + 1) * interval);
            format!("{time} {tick}us p1 1:wait[]#7@{ends}")
        })
        .collect();
    lines.push(format!("{} {count}us p1 1:runs", count * interval));
    lines.join("\n")
}

#[test]
fn program_that_ticks_is_up_with_the_11th_tick() {
    assert_eq!(up_at(&ticking(20, 150), 3000), Some(1500));
    assert_eq!(up_at(&ticking(10, 150), 3000), None);
}

#[test]
fn ticking_lasts_a_second() {
    assert_eq!(up_at(&ticking(20, 20), 3000), None);
    assert_eq!(up_at(&ticking(200, 20), 3000), Some(1000));
}

#[test]
fn few_retries_are_no_ticking() {
    // As nginx does where its port is taken.
    assert_eq!(up_at(&ticking(5, 500), 3000), None);
}

#[test]
fn calm_daemon_is_looked_at_again_when_it_may_be_up() {
    for (activity, expected) in [
        ("wait[other]", Some(20 - 2)),
        ("sleeps", Some(50 - 2)),
        ("loop[server]", Some(3 - 2)),
        ("runs", None),
        ("wait[]@100", None),
    ] {
        let mut calm = Calm::default();
        let (now, snapshot) = parse_line(&format!("10 0us p1 1:{activity}"));
        let condition = Condition::of(&snapshot, Duration::from_secs(3));
        assert!(!calm.add(now, condition, &snapshot));
        let time_left = calm.time_left(Duration::from_millis(12));
        let expected = expected.map(Duration::from_millis);
        assert_eq!(time_left, expected, "{activity}");
    }
}

#[test]
fn patterns_are_bounded() {
    let mut calm = Calm::default();
    for place in 0..1000 {
        let line = format!("{place} {place}us p1 1:wait[]#{place:x}@3000");
        let (now, snapshot) = parse_line(&line);
        assert!(!calm.add(now, Condition::Timed, &snapshot));
    }
    assert_eq!(calm.patterns.len(), PATTERNS_MAX);
}
