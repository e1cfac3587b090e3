//! A look at the daemon and its descendants.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use nix::unistd::Pid;

use super::call::{self, BlockedCall, Limit, Shown};
use super::descriptor::{DescriptorTable, earlier};
use super::memory::ProcessMemory;
use super::snapshot::{Activity, BlockedWait, Call, ObservedProcess, Snapshot, Thread};
use crate::number;
use crate::readiness::platform::peer_socket::PeerSockets;
use crate::readiness::platform::process_tree::{self, ProcessTree, Task};
use crate::readiness::platform::thread_state::{ThreadState, is_of_kernel, state_of};
use crate::sys::{clock, process};

/// Longer than any line of `/proc/PID/task/TID/syscall`.
const SYSCALL_SIZE: usize = 512;

/// Looks at the processes, and remembers what cannot have changed.
#[derive(Debug)]
pub(super) struct Observer {
    root: Pid,
    /// `None` where `/proc` does not show this PID namespace.
    directory: Option<PathBuf>,
    clocks: Vec<libc::clockid_t>,
    sockets: PeerSockets,
    threads: Vec<KnownThread>,
    /// The directory of the thread that ran at the last look.
    runner: Option<PathBuf>,
    /// What the last look has shown, if it stays true until a thread runs.
    last: Option<Rc<Snapshot>>,
}

/// How much a look has to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Whether a thread runs: then the others make no difference.
    FirstRunner,
    AllThreads,
}

/// A thread at this look.
#[derive(Debug)]
struct SeenThread {
    id: Pid,
    directory: PathBuf,
    /// `None` where the kernel does not show it.
    shown: Option<Shown>,
    state: ThreadState,
}

/// A thread, as it was when its process had used so much processor time.
#[derive(Debug)]
struct KnownThread {
    id: Pid,
    directory: PathBuf,
    clock: Duration,
    shown: Option<Shown>,
    activity: Activity,
    /// When this wait began, and how long the thread had run then.
    waits_since: Duration,
    run_time: Option<u64>,
}

impl Observer {
    pub(super) fn watch(root: Pid) -> Self {
        Self {
            root,
            directory: process::directory(root).ok(),
            clocks: Vec::new(),
            sockets: PeerSockets::default(),
            threads: Vec::new(),
            runner: None,
            last: None,
        }
    }

    /// The processor time of all processes that the last look has found, together. It costs less than
    /// a microsecond, and any change means that one of their threads has run.
    pub(super) fn clock(&self) -> Duration {
        let times = self.clocks.iter().map(|clock| clock::time(*clock));
        times
            .flatten()
            .fold(Duration::ZERO, Duration::saturating_add)
    }

    /// Looks at the threads; `now` is the time since the watch began.
    pub(super) fn look(&mut self, now: Duration, depth: Depth) -> Rc<Snapshot> {
        let Some(directory) = &self.directory else {
            return Rc::default();
        };
        if let Some(runner) = self.runner.take_if(|_| depth == Depth::FirstRunner) {
            let clock = self.clock();
            if read_shown(&runner) == Some(Shown::Running) {
                self.runner = Some(runner);
                return Rc::new(Snapshot::of_running(clock));
            }
        }
        let last = self.last.as_ref();
        if let Some(last) = last.filter(|last| self.nothing_has_run_since(last)) {
            return Rc::clone(last);
        }
        self.last = None;
        let tree = ProcessTree::read(self.root, directory);
        if tree
            .processes
            .iter()
            .any(|process| process.clock_id.is_none())
        {
            // The clock would not show what runs in between, so the time decides.
            return Rc::default();
        }
        self.clocks.clear();
        self.clocks
            .extend(tree.processes.iter().filter_map(|process| process.clock_id));
        let clocks = tree.processes.iter().map(|process| process.clock);
        let clock = clocks.fold(Duration::ZERO, Duration::saturating_add);
        let mut seen = Vec::with_capacity(tree.processes.len());
        for process in &tree.processes {
            let (threads, runner) = see_threads(process, depth);
            if runner.is_some() {
                self.runner = runner;
                return Rc::new(Snapshot::of_running(clock));
            }
            seen.push(threads);
        }
        let family: Vec<Pid> = tree.processes.iter().map(|process| process.pid).collect();
        self.sockets.begin_look(&family);
        let mut snapshot = Snapshot {
            processes: Vec::with_capacity(tree.processes.len()),
            is_complete: tree.is_complete,
            clock,
        };
        // A duplicate keeps a socket open that its owner closes at this moment: the launcher asks
        // sockets only when no thread can close one.
        let is_quiet = seen.iter().flatten().all(SeenThread::is_asleep);
        let mut known = Vec::new();
        for (process, seen) in tree.processes.iter().zip(&seen) {
            let task = living_task(process, seen);
            let mut threads = Vec::with_capacity(seen.len());
            for thread in seen {
                let judged = self.judge(process, &task, thread, &family, now, is_quiet);
                threads.push(Thread {
                    id: judged.id,
                    activity: judged.activity.clone(),
                });
                known.push(judged);
            }
            snapshot.processes.push(ObservedProcess {
                pid: process.pid,
                parent: process.parent,
                threads,
            });
        }
        let snapshot = Rc::new(snapshot);
        self.threads = known;
        if snapshot.is_complete && self.threads.iter().all(KnownThread::cannot_have_changed) {
            self.last = Some(Rc::clone(&snapshot));
        }
        snapshot
    }

    /// Whether all threads still wait as in this snapshot. The clocks do not show a thread that was
    /// woken and has no processor yet, or one that has not left its processor since; its file `syscall`
    /// does.
    fn nothing_has_run_since(&self, last: &Snapshot) -> bool {
        self.clock() == last.clock
            && self
                .threads
                .iter()
                .all(|known| read_shown(&known.directory) == known.shown)
            && last
                .processes
                .iter()
                .all(|process| self.has_no_orphan(process, last))
    }

    /// Whether this process has no child that the last look has missed. A child whose parent ended while
    /// the launcher looked was missed if it came to a process that was read before: to its first thread.
    fn has_no_orphan(&self, process: &ObservedProcess, last: &Snapshot) -> bool {
        let Some(first) = process.threads.first() else {
            return true;
        };
        let known = self.threads.iter().find(|known| known.id == first.id);
        let children = known.map(|known| process_tree::read_children(&known.directory));
        let Some(Ok(children)) = children else {
            return false;
        };
        let is_known = |child: &Pid| last.processes.iter().any(|process| process.pid == *child);
        children.iter().all(is_known)
    }

    fn judge(
        &mut self,
        process: &process_tree::TreeProcess,
        task: &Task,
        seen: &SeenThread,
        family: &[Pid],
        now: Duration,
        is_quiet: bool,
    ) -> KnownThread {
        let known = self.threads.iter().position(|known| known.id == seen.id);
        let known = known.map(|index| self.threads.swap_remove(index));
        let known = known.filter(|known| known.shown == seen.shown);
        match known {
            Some(known) if known.clock == process.clock && known.cannot_have_changed() => {
                return known;
            }
            Some(known) if !is_quiet && seen.is_asleep() => return known,
            _ => {}
        }
        let mut thread = KnownThread {
            id: seen.id,
            directory: seen.directory.clone(),
            clock: process.clock,
            shown: seen.shown,
            activity: Activity::Sleeps,
            waits_since: now,
            run_time: None,
        };
        thread.activity = match (seen.state, seen.shown) {
            (ThreadState::Stopped, _) => Activity::Stopped,
            (ThreadState::WaitsForDevice, _) => {
                thread.continue_wait(known.as_ref(), &seen.directory);
                Activity::WaitsForDevice {
                    since: thread.waits_since,
                }
            }
            (ThreadState::Asleep, None | Some(Shown::Foreign)) => Activity::Sleeps,
            (ThreadState::Asleep, Some(Shown::OutsideCall)) if is_of_kernel(&seen.directory) => {
                Activity::Waits(BlockedWait {
                    call: Call::Other,
                    ends: None,
                    sources: Vec::new(),
                    place: 0,
                })
            }
            // What it waits for makes no difference as long as another one runs.
            (ThreadState::Asleep, Some(Shown::Blocked(_))) if !is_quiet => Activity::Sleeps,
            (ThreadState::Asleep, Some(Shown::Blocked(call))) => {
                let since = || {
                    thread.continue_wait(known.as_ref(), &seen.directory);
                    thread.waits_since
                };
                self.wait(task, &call, family, now, since)
            }
            _ => Activity::Runs,
        };
        thread
    }

    fn wait(
        &mut self,
        task: &Task,
        call: &BlockedCall,
        family: &[Pid],
        now: Duration,
        since: impl FnOnce() -> Duration,
    ) -> Activity {
        let memory = ProcessMemory {
            pid: task.id,
            directory: &task.directory,
        };
        let Some(wait) = call.wait(&memory) else {
            return Activity::Works;
        };
        let awaited = DescriptorTable {
            task,
            sockets: &mut self.sockets,
            family,
        }
        .awaited(&wait.descriptors);
        let (length, end) = match wait.limit {
            Limit::None => (None, None),
            Limit::After(time) => (Some(time), None),
            Limit::At(clock, time) => (None, Some(now.saturating_add(time_until(clock, time)))),
            Limit::Unknown => (None, Some(now)),
        };
        // Only a wait with a length needs its beginning, which costs another file.
        let length = earlier(length, awaited.receive_timeout);
        let end_of_length = length.map(|length| since().saturating_add(length));
        let timer = awaited.timer.map(|time| now.saturating_add(time));
        let ends = earlier(earlier(end_of_length, end), timer);
        Activity::Waits(BlockedWait {
            call: wait.call,
            ends,
            sources: awaited.sources,
            place: call.place(),
        })
    }
}

/// The threads that have not ended, or the directory of the first one that runs if that is enough.
fn see_threads(
    process: &process_tree::TreeProcess,
    depth: Depth,
) -> (Vec<SeenThread>, Option<PathBuf>) {
    let mut threads = Vec::with_capacity(process.threads.len());
    for id in &process.threads {
        let directory = process.directory.join(format!("task/{id}"));
        let shown = read_shown(&directory);
        let is_running = shown == Some(Shown::Running);
        if is_running && depth == Depth::FirstRunner {
            return (Vec::new(), Some(directory));
        }
        // The state is read after the call: a thread that was woken in between runs.
        let state = state_of(&directory);
        if state != ThreadState::Ended {
            threads.push(SeenThread {
                id: *id,
                directory,
                shown,
                state,
            });
        }
    }
    (threads, None)
}

/// The first thread that has not ended, which has the memory and the descriptors of the process.
fn living_task(process: &process_tree::TreeProcess, seen: &[SeenThread]) -> Task {
    match seen.first().filter(|first| first.id != process.pid) {
        Some(first) => Task {
            id: first.id,
            directory: first.directory.clone(),
        },
        None => Task {
            id: process.pid,
            directory: process.directory.clone(),
        },
    }
}

impl SeenThread {
    fn is_asleep(&self) -> bool {
        self.state == ThreadState::Asleep && self.shown != Some(Shown::Running)
    }
}

impl KnownThread {
    /// Takes over the beginning of the known wait, unless the thread has run since. Another
    /// wait with the same arguments has a beginning of its own.
    fn continue_wait(&mut self, known: Option<&Self>, directory: &Path) {
        self.run_time = read_run_time(directory);
        let is_same = |known: &&Self| match self.run_time {
            Some(_) => known.run_time == self.run_time,
            None => known.clock == self.clock,
        };
        if let Some(known) = known.filter(is_same) {
            self.waits_since = known.waits_since;
        }
    }

    /// Whether the thread still waits for the same, as long as its process has not run.
    fn cannot_have_changed(&self) -> bool {
        matches!(self.activity, Activity::Waits(_) | Activity::Works)
    }
}

/// What the file `syscall` says; `None` where it is missing or denied.
fn read_shown(directory: &Path) -> Option<Shown> {
    let mut buffer = [0; SYSCALL_SIZE];
    let text = read_start(&directory.join("syscall"), &mut buffer).ok()?;
    call::parse(std::str::from_utf8(text).ok()?)
}

/// The nanoseconds that the thread has run; `None` where the kernel does not count them.
fn read_run_time(directory: &Path) -> Option<u64> {
    let mut buffer = [0; 64];
    let text = read_start(&directory.join("schedstat"), &mut buffer).ok()?;
    let text = std::str::from_utf8(text).ok()?;
    number::parse(text.split_ascii_whitespace().next()?, 10)
}

fn read_start<'a>(path: &Path, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let length = File::open(path)?.read(buffer)?;
    Ok(&buffer[..length])
}

/// Zero when the time has come, or when the clock is not known here.
fn time_until(clock: libc::clockid_t, time: Duration) -> Duration {
    clock::time(clock).map_or(Duration::ZERO, |now| time.saturating_sub(now))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests;
