//! Verbs, crashes and kills at random instants.

use std::env;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::signal::Signal;

use crate::restart::stage::OPTIONS;
use crate::support::outcome::Launch;
use crate::support::process::Process;
use crate::support::rounds::{is_long, is_soak};
use crate::support::scratch::Scratch;

/// Marsaglia's generator; the seed makes the same sequence again, though not the same instants.
struct Random(u64);

impl Random {
    #[allow(clippy::print_stderr, reason = "a test that fails shows it")]
    fn from_seed() -> Self {
        let seed = env::var("TEST_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let seed: u64 = seed.unwrap_or_else(|| now.map_or(1, |now| now.as_secs()));
        eprintln!("TEST_SEED={seed}");
        Self(seed.max(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        let bound = u64::try_from(list.len()).expect("a length");
        list[usize::try_from(self.below(bound)).expect("an index")]
    }
}

/// One process of the test gets a signal: a run, a supervisor, or a launcher on its way.
fn harm(scratch: &Scratch, random: &mut Random) {
    let processes = scratch.processes();
    if processes.is_empty() {
        return;
    }
    let pid = random.of(&processes);
    let signals = [
        Signal::SIGKILL,
        Signal::SIGSEGV,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGABRT,
    ];
    let signal = random.of(&signals);
    // The pid may be that of another process by now.
    let process = Process::open(pid).filter(|_| scratch.processes().contains(&pid));
    process.inspect(|process| process.signal(signal));
}

fn command(scratch: &Scratch, random: &mut Random) -> Launch {
    let words = [
        "-d", "start", "stop", "restart", "status", "reload", "-d", "start",
    ];
    match random.of(&words) {
        "-d" => scratch.supervised(OPTIONS, "hang").spawn(),
        verb => scratch.supervised_verb(OPTIONS, verb).spawn(),
    }
}

#[test]
fn storm_leaves_one_daemon_at_most() {
    if !is_soak() {
        return;
    }
    let duration = Duration::from_secs(if is_long() { 600 } else { 60 });
    let mut random = Random::from_seed();
    let scratch = Scratch::new();
    let end = Instant::now() + duration;
    let (mut commands, mut harms) = (0, 0);
    while Instant::now() < end {
        let mut launches = Vec::new();
        for _ in 0..random.below(4) {
            launches.push(command(&scratch, &mut random));
            thread::sleep(Duration::from_micros(random.below(20_000)));
        }
        for _ in 0..random.below(3) {
            harm(&scratch, &mut random);
            harms += 1;
            thread::sleep(Duration::from_micros(random.below(5_000)));
        }
        for launch in launches {
            let outcome = launch.wait();
            commands += 1;
            assert_ne!(outcome.code(), 101, "a panic: {outcome:?}");
        }
        scratch.expect_one_daemon_at_most();
    }
    assert!(
        commands > 0 && harms > 0,
        "{commands} commands, {harms} signals"
    );
    scratch.expect_supervised_order();
}
