//! A daemon that ends before it is ready: its status, its output, its last messages.

use std::time::Duration;

use super::stage::notify;
use crate::support::daemon::expect_one_line;
use crate::support::scratch::Scratch;

#[test]
fn death_is_noticed_with_its_status() {
    let scratch = Scratch::new();
    for (steps, status, words) in [
        ("complain:no-such-port exit:3", 3, "no-such-port\n"),
        ("say:done return:0", 70, "done\n"),
        (
            "panic:out-of-cheese",
            scratch.panic_status(),
            "out-of-cheese\n",
        ),
        ("say:so-far abort", 134, "so-far\n"),
        ("say:so-far raise:11 raise:11", 139, "so-far\n"),
        ("say:so-far raise:9", 137, "so-far\n"),
    ] {
        let launch = notify(&scratch, steps).run();
        scratch.expect_failed_start(&launch, status);
        let shown = launch.err_text();
        assert_eq!(launch.out_text(), "");
        assert!(shown.contains(words), "{launch:?}");
        let line = shown.lines().last().expect("a line of ours");
        assert!(line.starts_with("report: cannot start"), "{launch:?}");
        assert!(!line.contains("see"), "all there is was shown: {launch:?}");
        assert!(launch.elapsed < Duration::from_secs(20), "{launch:?}");
    }
}

#[test]
fn silent_death_is_one_line() {
    let scratch = Scratch::new();
    let launch = notify(&scratch, "exit:3").run();
    scratch.expect_failed_start(&launch, 3);
    expect_one_line(&launch, &["ended with status 3 before it was ready"]);
}

#[test]
fn last_messages_of_a_dead_daemon_are_read() {
    let scratch = Scratch::new();
    // After the first message the launcher pauses for a moment.
    let steps = "notify:STATUS=failing notify:ERRNO=28 raise:9";
    for _ in 0..30 {
        let launch = notify(&scratch, steps).run();
        scratch.expect_failed_start(&launch, 137);
        let reason = ": No space left on device\n";
        assert!(launch.err_text().ends_with(reason), "{launch:?}");
    }
}

#[test]
fn last_64_kib_of_output_are_shown() {
    let scratch = Scratch::new();
    let launch = notify(&scratch, "print:1048576 complain:the-reason exit:3").run();
    scratch.expect_failed_start(&launch, 3);
    let shown = launch.err_text();
    let (output, line) = shown.split_once("the-reason\n").expect("the reason");
    assert_eq!(output.len() + "the-reason\n".len(), 64 * 1024);
    assert!(line.starts_with("report: "));
}
