use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::message::NOTICE_MAX;
use super::*;

fn ends() -> (LauncherEnd, DaemonEnd) {
    let (launcher, daemon) = pair().unwrap_or_else(|errno| panic!("{errno}"));
    (launcher, DaemonEnd::new(daemon))
}

fn notice(text: &str) -> Reply {
    Reply::Notice(text.as_bytes().to_vec())
}

#[test]
fn messages_arrive_whole_and_in_order() {
    let (mut launcher, daemon) = ends();
    assert_eq!(launcher.receive(), Reply::Pending);
    let done = Outcome::Done { log_errno: None };
    daemon.answer(done);
    for text in ["STATUS=up", "", &"x".repeat(NOTICE_MAX)] {
        assert_eq!(daemon.notify(text.as_bytes(), Duration::ZERO), Ok(()));
    }
    assert_eq!(launcher.receive(), Reply::Outcome(done));
    assert_eq!(launcher.receive(), notice("STATUS=up"));
    assert_eq!(launcher.receive(), notice(""));
    assert_eq!(launcher.receive(), notice(&"x".repeat(NOTICE_MAX)));
    let long = "y".repeat(NOTICE_MAX + 1).into_bytes();
    assert_eq!(daemon.announce(&long, Duration::ZERO), Ok(()));
    let announced = |length| Reply::Announcement(vec![b'y'; length]);
    assert_eq!(launcher.receive(), announced(NOTICE_MAX));
    assert_eq!(launcher.receive(), announced(1));
    assert_eq!(launcher.receive(), Reply::Pending);
    drop(daemon);
    assert_eq!(launcher.receive(), Reply::Lost);
}

#[test]
fn notice_to_a_launcher_that_has_gone_is_an_error() {
    let (launcher, daemon) = ends();
    drop(launcher);
    let sent = daemon.notify("READY=1".as_bytes(), Duration::from_secs(10));
    assert_eq!(sent, Err(Errno::EPIPE));
}

#[test]
fn full_queue_delays_for_the_timeout_only() {
    let (_launcher, daemon) = ends();
    let begin = Instant::now();
    let text = "x".repeat(NOTICE_MAX);
    let errno = (0..10_000).find_map(|_| daemon.notify(text.as_bytes(), Duration::ZERO).err());
    assert!(
        matches!(errno, Some(Errno::EAGAIN | Errno::EPIPE)),
        "{errno:?}"
    );
    assert!(begin.elapsed() < Duration::from_secs(10));
}

#[test]
fn notice_does_not_go_to_another_file_under_the_fd() {
    let (mut launcher, mut daemon) = ends();
    daemon.id = None;
    assert_eq!(
        daemon.notify("READY=1".as_bytes(), Duration::ZERO),
        Err(Errno::EBADF)
    );
    assert_eq!(launcher.receive(), Reply::Pending);
}
