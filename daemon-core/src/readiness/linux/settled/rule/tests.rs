use super::*;
use crate::readiness::platform::settled::recording::parse_line;

/// The condition of a daemon with these processes and threads, at a timeout after 3 s.
fn condition(threads: &str) -> Condition {
    let (_, snapshot) = parse_line(&format!("0 0us {threads}"));
    Condition::of(&snapshot, Duration::from_secs(3))
}

#[test]
fn busy_thread_decides() {
    let server = "p1 1:loop[server]";
    assert_eq!(condition(server), Condition::Serves);
    for (activity, expected) in [
        ("runs", Condition::Runs),
        ("stopped", Condition::Stopped),
        ("device@0", Condition::WaitsForDevice),
        ("works", Condition::Starts),
    ] {
        assert_eq!(condition(&format!("{server} 2:{activity}")), expected);
    }
    assert_eq!(
        condition("p1 1:runs 2:device@0 3:stopped"),
        Condition::Stopped
    );
    assert_eq!(condition("p1 1:runs 2:device@0"), Condition::WaitsForDevice);
}

#[test]
fn daemon_without_threads_runs() {
    assert_eq!(condition("p1"), Condition::Runs);
    assert_eq!(condition(""), Condition::Runs);
}

#[test]
fn unlimited_wait_is_waits() {
    assert_eq!(condition("p1 1:wait[other]"), Condition::Waits);
    assert_eq!(condition("p1 1:wait[] 2:loop[answered]"), Condition::Waits);
    assert_eq!(condition("p1 1:wait[] 2:loop[internal]"), Condition::Rests);
}

#[test]
fn wait_that_ends_before_the_timeout_is_timed() {
    assert_eq!(condition("p1 1:wait[]@3000"), Condition::Timed);
    assert_eq!(condition("p1 1:wait[]@3001"), Condition::Rests);
    assert_eq!(condition("p1 1:loop[internal]@60000"), Condition::Rests);
    assert_eq!(condition("p1 1:loop[files]@60000"), Condition::Waits);
    assert_eq!(condition("p1 1:loop[files]@2000"), Condition::Timed);
    assert_eq!(condition("p1 1:loop[answered]@60000"), Condition::Waits);
    assert_eq!(condition("p1 1:loop[answered]@2000"), Condition::Timed);
    // Something else may end it sooner.
    assert_eq!(condition("p1 1:loop[other]@60000"), Condition::Timed);
}

#[test]
fn server_may_have_timed_threads_except_the_first() {
    assert_eq!(condition("p1 1:loop[server]@100"), Condition::Serves);
    assert_eq!(
        condition("p1 1:wait[] 2:wait[server] 3:wait[]@100"),
        Condition::Serves
    );
    assert_eq!(
        condition("p1 1:wait[]@100 2:wait[server]"),
        Condition::Timed
    );
}

#[test]
fn child_that_sleeps_may_be_a_step_of_the_start() {
    let migration = "p1 1:child[] 3:wait[server] p2<1 2:wait[]@400";
    assert_eq!(condition(migration), Condition::Timed);
    let helper = "p1 1:loop[server] p2<1 2:wait[]@400";
    assert_eq!(condition(helper), Condition::Serves);
    let worker = "p1 1:child[] p2<1 2:loop[server] 3:wait[]@400";
    assert_eq!(condition(worker), Condition::Serves);
    let supervised = "p1 1:child[] 3:wait[server] p2<1 2:wait[]@9000";
    assert_eq!(condition(supervised), Condition::Serves);
}

#[test]
fn conversation_is_part_of_the_start() {
    assert_eq!(
        condition("p1 1:loop[server,awaiting-reply]"),
        Condition::Starts
    );
    assert_eq!(condition("p1 1:loop[server,connecting]"), Condition::Starts);
    assert_eq!(condition("p1 1:wait[unix]"), Condition::Starts);
}

#[test]
fn read_of_a_greeting_is_a_start() {
    assert_eq!(condition("p1 1:wait[unspoken:9]"), Condition::Starts);
    assert_eq!(condition("p1 1:loop[unspoken:9]"), Condition::Blind);
    let beside_server = "p1 1:wait[server:80] 2:wait[unspoken:9]";
    assert_eq!(condition(beside_server), Condition::Starts);
}

#[test]
fn clients_of_the_daemon_do_not_hold_it_up() {
    let silent = "p1 1:wait[server:80] 2:wait[unspoken:80]";
    assert_eq!(condition(silent), Condition::Serves);
    let answered = "p1 1:loop[server:80,awaiting-reply:80]";
    assert_eq!(condition(answered), Condition::Serves);
    let in_worker = "p1 1:wait[server:80] p2<1 2:wait[awaiting-reply:80]";
    assert_eq!(condition(in_worker), Condition::Serves);
    // Not of the daemon, or not known to be.
    let database = "p1 1:loop[server:80,awaiting-reply:9]";
    assert_eq!(condition(database), Condition::Starts);
    let unknown = "p1 1:loop[server,awaiting-reply]";
    assert_eq!(condition(unknown), Condition::Starts);
}

#[test]
fn unclear_conversation_is_blind() {
    assert_eq!(condition("p1 1:loop[unclear]"), Condition::Blind);
    assert_eq!(condition("p1 1:loop[unix]"), Condition::Blind);
    assert_eq!(condition("p1 1:wait[unix,other]"), Condition::Blind);
    assert_eq!(condition("p1 1:sleeps"), Condition::Blind);
    assert_eq!(condition("p1 1:wait[] 2:sleeps"), Condition::Blind);
    assert_eq!(condition("p1 1:loop[unix,server]"), Condition::Serves);
    assert_eq!(condition("p1 1:sleeps 2:wait[]@100"), Condition::Timed);
    // What cannot be seen may still be a step of the start.
    assert_eq!(
        condition("p1 1:loop[server] p2<1 2:sleeps"),
        Condition::Blind
    );
}

#[test]
fn parent_waits_for_a_live_child_only() {
    assert_eq!(condition("p1 1:child[]"), Condition::Starts);
    assert_eq!(
        condition("p1 1:child[] p2<1"),
        Condition::Starts,
        "a zombie"
    );
    assert_eq!(condition("p1 1:child[] p2<1 2:wait[]"), Condition::Rests);
    assert_eq!(condition("p1 1:child[] p2<1 2:runs"), Condition::Runs);
    let grandchild = "p1 1:wait[] p2<1 2:child[] p3<2 3:wait[server]";
    assert_eq!(condition(grandchild), Condition::Serves);
}

#[test]
fn incomplete_tree_is_blind() {
    assert_eq!(condition("partial p1 1:loop[server]"), Condition::Blind);
    assert_eq!(condition("partial p1 1:wait[]"), Condition::Blind);
    assert_eq!(condition("partial p1 1:child[]"), Condition::Blind);
    assert_eq!(condition("partial p1 1:wait[]@100"), Condition::Timed);
}

#[test]
fn no_guess_is_faster_than_version_0_1() {
    let window = |condition: Condition| condition.window();
    assert_eq!(window(Condition::Blind), Some(Duration::from_millis(50)));
    for condition in [
        Condition::Runs,
        Condition::Stopped,
        Condition::WaitsForDevice,
        Condition::Starts,
        Condition::Timed,
    ] {
        assert_eq!(window(condition), None, "{condition:?}");
    }
}
