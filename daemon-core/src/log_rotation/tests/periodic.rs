//! A supervisor that looks at the log from time to time.

use super::*;

#[test]
fn watch_looks_at_the_log_from_time_to_time() {
    let scratch = Scratch::new();
    let mut watch = watch(RotationConfig {
        size: 5,
        ..scratch.waiting_config()
    });
    let mut run = FakeProcess::new(&|| Ok(()));
    let mut now = Instant::now();
    let mut look = |seconds, run: &mut FakeProcess| -> (Option<String>, Duration) {
        now += Duration::from_secs(seconds);
        let (error, next) = watch.look(run, now);
        (error, next - now)
    };
    let seconds = Duration::from_secs;
    scratch.write("logs/log", "old\n");
    assert_eq!(look(1, &mut run), (None, seconds(10)), "it has grown");
    assert_eq!(look(9, &mut run), (None, seconds(1)), "too early");
    assert_eq!(look(1, &mut run), (None, seconds(60)), "as it was");
    scratch.write("logs/log", "old\nold\n");
    let (error, wait) = look(60, &mut run);
    assert!(error.is_none() && wait < seconds(1), "{wait:?}");
    assert_eq!(scratch.logs()[0], None);
    scratch.write("logs/log", "new\n");
    assert_eq!(look(1, &mut run), (None, seconds(10)), "rotated");
    assert_eq!(scratch.logs()[..2], some(["new\n", "old\nold\n"]));
    // What fails is said once, and tried again.
    scratch.write("logs/log", "new\nnew\n");
    run.state = ProcessState::Starting;
    let (line, wait) = look(10, &mut run);
    assert!(line.is_some_and(|line| line.contains("being started")));
    assert_eq!(wait, seconds(60));
    assert_eq!(look(60, &mut run), (None, seconds(60)));
}

#[test]
fn run_that_does_not_follow_has_an_hour() {
    let scratch = Scratch::new();
    scratch.write("logs/log", "old\n");
    let mut watch = watch(scratch.config());
    let mut run = FakeProcess::new(&|| Ok(()));
    let mut now = Instant::now();
    for _ in 0..2 {
        let (line, next) = watch.look(&mut run, now);
        assert_eq!(line, None);
        now = next;
        let (line, next) = watch.look(&mut run, now);
        assert!(line.is_some_and(|line| line.contains("opened no new log")));
        assert_eq!(next - now, Duration::from_secs(3600));
        now = next;
    }
    // The next run is another one.
    fs::write(scratch.path("logs/log"), "").expect("empty");
    assert_eq!(watch.look_between_runs(now), None);
    assert_eq!(watch.look(&mut run, now).1 - now, Duration::from_secs(10));
}

#[test]
fn log_is_rotated_between_two_runs() {
    let scratch = Scratch::new();
    let mut watch = watch(scratch.waiting_config());
    let mut run = FakeProcess::new(&|| Ok(()));
    let now = Instant::now();
    scratch.write("logs/log", "1\n");
    assert_eq!(watch.look(&mut run, now).0, None);
    // The run has opened its new log, and ended before it was seen.
    scratch.write("logs/log", "2\n");
    assert_eq!(watch.look_between_runs(now), None);
    let old = ["2\n", "1\n"].map(|text| Some(text.to_owned()));
    assert_eq!(scratch.logs()[1..], old);
    scratch.write("logs/log", "3\n");
    assert_eq!(watch.look_between_runs(now), None);
    assert_eq!(scratch.logs()[1..], some(["3\n", "2\n"]));
}
