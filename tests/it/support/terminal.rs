//! A real pseudo-terminal, with a program as the leader of its session.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{OpenptyResult, openpty};
use nix::unistd::{setsid, ttyname};

use crate::support::daemon::Daemon;
use crate::support::deadline::WAIT_TIMEOUT;
use crate::support::scratch::Scratch;
use crate::support::start::Start;

/// The terminal as its user sees it. Dropping it is the hang-up.
#[derive(Debug)]
pub(crate) struct Terminal {
    master: File,
    pub(crate) path: PathBuf,
    shown: Vec<u8>,
}

impl Terminal {
    /// A new terminal and the descriptor that programs use it by.
    pub(crate) fn new() -> (Self, OwnedFd) {
        let OpenptyResult { master, slave } = openpty(None, None).expect("a pseudo-terminal");
        // A program that inherits the master would keep the terminal alive.
        for descriptor in [&master, &slave] {
            let flags = nix::fcntl::FdFlag::FD_CLOEXEC;
            nix::fcntl::fcntl(descriptor, nix::fcntl::FcntlArg::F_SETFD(flags)).expect("CLOEXEC");
        }
        let path = ttyname(&slave).expect("the name of the terminal");
        let terminal = Self {
            master: master.into(),
            path,
            shown: Vec::new(),
        };
        (terminal, slave)
    }

    /// Types.
    pub(crate) fn write(&mut self, keys: &[u8]) {
        self.master.write_all(keys).expect("type");
    }

    /// Reads on until the terminal has shown the text; gives all it has shown.
    pub(crate) fn read_until(&mut self, text: &str) -> String {
        self.read_times(1, text)
    }

    /// Reads on until it has shown the text so often.
    pub(crate) fn read_times(&mut self, times: usize, text: &str) -> String {
        let start = Instant::now();
        while self.shown().matches(text).count() < times {
            assert!(
                start.elapsed() < WAIT_TIMEOUT && self.read_on(),
                "the terminal never showed {text:?} {times} times but {:?}",
                self.shown()
            );
        }
        self.shown()
    }

    /// Reads until no process has the terminal open.
    pub(crate) fn read_to_end(&mut self) -> String {
        let start = Instant::now();
        while self.read_on() {
            assert!(
                start.elapsed() < WAIT_TIMEOUT,
                "a process keeps the terminal open"
            );
        }
        self.shown()
    }

    /// Waits for a moment and reads; false when no process has the terminal open.
    fn read_on(&mut self) -> bool {
        let mut readable = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
        if poll(&mut readable, PollTimeout::from(50_u8)).expect("poll the terminal") == 0 {
            return true;
        }
        let mut bytes = [0; 4096];
        match self.master.read(&mut bytes) {
            Ok(length) => {
                self.shown.extend(&bytes[..length]);
                length > 0
            }
            // EIO is the end of a terminal.
            Err(_) => false,
        }
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown).replace("\r\n", "\n")
    }
}

impl Start {
    /// Makes the program the leader of a new session with this terminal, as a login shell is.
    pub(crate) fn on_terminal(self, terminal: OwnedFd) -> Self {
        let stream = || terminal.try_clone().expect("duplicate the terminal");
        self.stdin(stream())
            .stdout(stream())
            .stderr(terminal)
            .before_exec(|| {
                setsid()?;
                // SAFETY: the request takes an integer, and fd 0 is the terminal.
                let result = unsafe { libc::ioctl(io::stdin().as_raw_fd(), libc::TIOCSCTTY, 0) };
                if result < 0 {
                    return Err(io::Error::last_os_error());
                }
                Ok(())
            })
    }
}

impl Scratch {
    /// A start on a terminal, by a program that asks there once for a password. The daemon reports.
    pub(crate) fn up_with_password(&self, start: Start) -> Daemon {
        let (mut terminal, slave) = Terminal::new();
        let launch = start.on_terminal(slave).spawn();
        terminal.read_until("password: ");
        terminal.write(b"secret\n");
        let daemon = self.daemon_of(launch.wait(), "report.pid");
        daemon.report();
        let shown = terminal.read_to_end();
        assert_eq!(shown.matches("password: ").count(), 1, "{shown}");
        daemon
    }
}
