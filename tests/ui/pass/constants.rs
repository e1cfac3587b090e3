use std::ops::RangeInclusive;
use std::time::Duration;

use daemon::{Readiness, Restart, Signal};

#[daemon::main(
    subcommand = WORDS,
    pid = PATH,
    log = PATH,
    pid_in_foreground = IN_FOREGROUND,
    pid_mode = MODE,
    log_mode = MODE,
    log_reopen = SIGNAL,
    log_rotate = SIZE,
    log_keep = COUNT,
    syslog = WORD,
    ready = config::READY,
    ready_timeout = SECONDS,
    control_subcommands = WORD,
    stop_signal = SIGNAL,
    stop_timeout = SECONDS,
    restart = RESTART,
    restart_delay = DELAY,
    restart_limit = COUNT,
    workdir = PATH,
    umask = MODE,
    env_remove = [WORD, "GIT_DIR"],
    keep_fds = [FD, 4],
    user = WORD,
    group = WORD,
    chroot = PATH,
)]
fn main() {}

const WORDS: [&str; 2] = ["mount", "serve"];
const PATH: &str = "/nowhere";
const IN_FOREGROUND: bool = false;
const MODE: u32 = 0o600;
const SIGNAL: Signal = Signal::SIGUSR2;
const SIZE: u64 = 1 << 20;
const COUNT: u32 = 5;
const WORD: &str = "daemon";
const SECONDS: u64 = 60;
const RESTART: Restart = Restart::OnFailure;
const DELAY: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);
const FD: i32 = 3;

mod config {
    pub const READY: super::Readiness = super::Readiness::notify();
}
