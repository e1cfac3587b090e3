//! A verb that is killed at any of its system calls: the next one completes it.

use super::in_threads;
use crate::support::deadline::eventually;
use crate::support::outcome::Outcome;
use crate::support::process::Process;
use crate::support::rounds::is_long;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::trace::{self, Action, Role};

/// Kills a verb at one of its system calls after the other, until it comes to its end unharmed; each
/// time `expect` judges what came of it. The search for a process group changes nothing, so the short
/// form does not count its calls, and the long form counts some, see [`trace::Stop::asks_for_group`].
fn kill_verb(
    verb: &str,
    prepare: impl Fn(&Scratch) + Sync,
    expect: impl Fn(&Scratch, Outcome) + Sync,
) {
    let (step, counted) = if is_long() { (1, 20) } else { (41, 0) };
    in_threads(4, (1..).step_by(step), |number| {
        let scratch = Scratch::new();
        prepare(&scratch);
        let start = with_words(scratch.verb(verb), verb);
        let (mut killed, mut stops, mut asked) = (false, 0, 0);
        let outcome = trace::run(start, |stop| {
            if killed {
                return Action::Leave;
            }
            if stop.role == Role::Launcher {
                let asks = stop.asks_for_group();
                asked += usize::from(asks);
                stops += usize::from(!asks || asked <= counted);
            }
            if stop.role == Role::Launcher && stops == number {
                killed = true;
                return Action::Kill;
            }
            Action::Go
        });
        if killed {
            assert_eq!(outcome.code(), 137, "{outcome:?}");
            expect(&scratch, outcome);
        } else {
            assert_eq!(outcome.code(), 0, "{outcome:?}");
        }
        killed
    });
}

/// Where the arguments of the running daemon are not known, `restart` needs some.
fn with_words(start: Start, verb: &str) -> Start {
    let needs_words = cfg!(daemon_fork) && verb == "restart";
    let words = needs_words.then_some("word");
    start.args(words).does("hang")
}

/// Signals to the process that is controlled go on when the verb is killed.
fn up(scratch: &Scratch) {
    scratch.up(scratch.controlled("hang"));
}

#[test]
fn stop_killed_at_each_call_can_be_repeated() {
    kill_verb("stop", up, |scratch, _| {
        let mut second = scratch.verb("stop").run();
        // There the one that was killed may have held the same lock, to look, and not be gone yet.
        if cfg!(daemon_fork) && second.code() == 4 {
            second = scratch.verb("stop").run();
        }
        assert_eq!(second.code(), 0, "{second:?}");
        scratch.expect_nothing_left();
        let status = scratch.verb("status").run();
        assert_eq!(status.code(), 3, "the file is gone: {status:?}");
        up(scratch);
    });
}

#[test]
fn restart_killed_at_each_call_can_be_repeated() {
    kill_verb("restart", up, |scratch, _| {
        // A daemon of the first verb may still start: its pid may not be in the file, and in the middle
        // of its exec a process shows no arguments.
        let second = eventually("the daemon of the first verb is known", || {
            let second = with_words(scratch.verb("restart"), "restart").run();
            (![4, 64, 75].contains(&second.code())).then_some(second)
        });
        let daemon = scratch.daemon_of(second, "report.pid");
        scratch.expect_only(daemon.pid());
        assert!(Process::open(daemon.pid()).is_some());
    });
}

#[test]
fn start_killed_at_each_call_can_be_repeated() {
    kill_verb(
        "start",
        |_| {},
        |scratch, _| {
            // A daemon of the first verb that is still on its way is waited for.
            let second = scratch.verb("start").does("hang").run();
            assert_eq!(second.code(), 0, "{second:?}");
            let status = scratch.verb("status").run();
            assert_eq!(status.code(), 0, "{status:?}");
            scratch.expect_processes(1);
        },
    );
}
