//! Fifty starts at once, kills, stops and hostile readers: never two daemons, and no start is refused
//! by another user.

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use nix::sys::signal::Signal;

use crate::control::stage::as_nobody;
use crate::support::deadline::WAIT_TIMEOUT;
use crate::support::outcome::{Launch, Outcome};
use crate::support::process::Process;
use crate::support::requires;
use crate::support::rounds::rounds;
use crate::support::scratch::Scratch;

/// How many starts there are at once.
const STARTS: usize = 50;

#[test]
fn kills_and_read_locks_never_give_two_daemons() {
    requires!(root, linux("locks that no other user can hold"));
    let scratch = Scratch::new();
    fs::set_permissions(scratch.dir(), fs::Permissions::from_mode(0o755)).expect("chmod");
    scratch.write("report.pid", "5000000\n");
    let pesterers: Vec<_> = (0..3)
        .map(|_| as_nobody(scratch.report().does("pester:report.pid")).spawn())
        .collect();
    let spared: Vec<i32> = pesterers.iter().map(Launch::pid).collect();
    let (won, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut seed = 88_172_645_463_325_252_u64;
            while !is_over.load(Ordering::Relaxed) {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                let processes = scratch.processes();
                let index = usize::try_from(seed % 997).expect("small") % processes.len().max(1);
                let victim = processes.get(index).filter(|pid| !spared.contains(pid));
                if let Some(victim) = victim.and_then(|pid| Process::open(*pid)) {
                    victim.signal(Signal::SIGKILL);
                }
                thread::sleep(Duration::from_millis(2));
            }
        });
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let stop = scratch.verb("stop").run();
                assert!([0, 4, 75, 137].contains(&stop.code()), "{stop:?}");
            }
        });
        let time = Duration::from_secs(rounds(3, 120) as u64);
        let begin = Instant::now();
        // A busy machine needs longer for enough of them.
        let is_enough = || count(&won) > 3 && count(&refused) > 50;
        let mut round = 0;
        while begin.elapsed() < time || !is_enough() && begin.elapsed() < time + WAIT_TIMEOUT {
            round += 1;
            let life = if round % 2 == 0 { "hang" } else { "stay" };
            let steps = format!("alone:oracle {life}");
            let starts: Vec<_> = (0..STARTS)
                .map(|_| scratch.controlled(&steps).spawn())
                .collect();
            for outcome in starts.into_iter().map(Launch::wait) {
                judge(&outcome, &won, &refused);
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(!scratch.path("oracle.two").exists(), "two daemons at once");
    let (won, refused) = (won.into_inner(), refused.into_inner());
    assert!(won > 3 && refused > 50, "{won} won, {refused} refused");
    // Each start succeeds beside the processes of other users, whatever is left.
    for _ in 0..10 {
        for pid in scratch.processes() {
            if let Some(process) = Process::open(pid).filter(|_| !spared.contains(&pid)) {
                process.signal(Signal::SIGKILL);
                process.wait();
            }
        }
        scratch.up(scratch.controlled("alone:oracle hang"));
    }
    assert!(!scratch.path("oracle.two").exists(), "two daemons at once");
    drop(pesterers);
}

fn count(counter: &AtomicUsize) -> usize {
    counter.load(Ordering::Relaxed)
}

fn judge(outcome: &Outcome, won: &AtomicUsize, refused: &AtomicUsize) {
    match outcome.code() {
        0 => won.fetch_add(1, Ordering::Relaxed),
        69 => refused.fetch_add(1, Ordering::Relaxed),
        // The launcher or its daemon, by SIGKILL or by a stop, or the intermediate process.
        137 | 143 | 71 => 0,
        _ => panic!("{outcome:?}"),
    };
}
