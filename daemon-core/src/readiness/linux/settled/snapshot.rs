//! What one look at the daemon and its descendants has shown.

use std::time::Duration;

use nix::unistd::Pid;

/// All processes of the tree at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// The daemon comes first.
    pub(super) processes: Vec<ObservedProcess>,
    /// False where a child may be missing.
    pub(super) is_complete: bool,
    /// The processor time of all processes together; any change means that a thread has run.
    pub(super) clock: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ObservedProcess {
    pub(super) pid: Pid,
    pub(super) parent: Option<Pid>,
    /// Without those that have ended.
    pub(super) threads: Vec<Thread>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Thread {
    pub(super) id: Pid,
    pub(super) activity: Activity,
}

impl Thread {
    /// Whether it waits for clients.
    pub(super) fn serves(&self) -> bool {
        self.sources()
            .any(|source| matches!(source, WakeSource::Server(_)))
    }

    /// What it waits for.
    pub(super) fn sources(&self) -> impl Iterator<Item = &WakeSource> {
        let wait = match &self.activity {
            Activity::Waits(wait) => Some(wait),
            _ => None,
        };
        wait.into_iter().flat_map(|wait| &wait.sources)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    /// Has a processor or waits for one, or is in a page fault.
    Runs,
    /// Waits for a disk or another device (state D), and has not run since then.
    WaitsForDevice {
        since: Duration,
    },
    /// Stopped by a signal or a debugger (states T and t).
    Stopped,
    /// Blocked in a call that is a step of a start: connect, flock, open, write, or an unknown one.
    Works,
    /// Asleep, and the kernel does not show in which call.
    Sleeps,
    Waits(BlockedWait),
}

impl Snapshot {
    /// A thread runs, and the launcher looked at no other one.
    pub(super) fn of_running(clock: Duration) -> Self {
        Self {
            processes: Vec::new(),
            is_complete: true,
            clock,
        }
    }

    /// Whether a connection with this local port is one of a client of the daemon.
    pub(super) fn is_served(&self, port: u16) -> bool {
        let mut threads = self.processes.iter().flat_map(|process| &process.threads);
        let server = WakeSource::Server(port);
        port != 0 && threads.any(|thread| thread.sources().any(|source| *source == server))
    }

    /// Since when the thread that waits longest for a device has waited.
    pub(super) fn longest_device_wait(&self) -> Option<Duration> {
        let threads = self.processes.iter().flat_map(|process| &process.threads);
        let waits = threads.filter_map(|thread| match thread.activity {
            Activity::WaitsForDevice { since } => Some(since),
            _ => None,
        });
        waits.min()
    }
}

/// A call that waits for something from outside of the thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BlockedWait {
    pub(super) call: Call,
    /// When it ends by itself, in time since the watch began.
    pub(super) ends: Option<Duration>,
    pub(super) sources: Vec<WakeSource>,
    /// A hash of the call and of the place in the program: the same for the same line of code.
    pub(super) place: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// epoll: the set is the program's main loop, most likely.
    EventLoop,
    /// wait4, waitid.
    Child,
    /// All others.
    Other,
}

/// Something that ends the wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum WakeSource {
    /// A socket that clients come to, with its TCP port; zero for any other kind.
    Server(u16),
    /// A TCP connection that is being made.
    Connecting,
    /// A TCP connection on which the daemon spoke last, with its local port.
    AwaitingReply(u16),
    /// A TCP connection on which the other side spoke last.
    Answered,
    /// A TCP connection on which neither side has spoken, with its local port.
    Unspoken(u16),
    /// A connection whose last sender the kernel does not show, or an unreadable descriptor.
    Unclear,
    /// A Unix socket with a process that does not belong to the daemon at its other end.
    UnixPeer,
    /// Only the daemon itself can make it happen: eventfd, timerfd, signalfd, a socket pair.
    Internal,
    /// Any process can make it happen, and answers no question with it: inotify.
    Files,
    Other,
}
