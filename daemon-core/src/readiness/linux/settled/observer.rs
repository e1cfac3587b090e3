//! A look at the daemon and its descendants.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::time::ClockId;
use nix::unistd::Pid;

use super::call::{self, BlockedCall, Limit, Shown};
use super::descriptor::DescriptorTable;
use super::memory::ProcessMemory;
use super::observation::{Activity, Call, Observation, Process, Thread, Wait};
use crate::readiness::platform::peer_socket::PeerDescriptors;
use crate::readiness::platform::process_tree::{self, ProcessTree};
use crate::readiness::platform::thread_state::{ThreadState, state_of};
use crate::sys::process;

/// Longer than any line of `/proc/PID/task/TID/syscall`.
const SYSCALL_SIZE: usize = 512;

/// Looks at the processes, and remembers what cannot have changed.
#[derive(Debug)]
pub(super) struct Observer {
    root: Pid,
    /// `None` where `/proc` does not show this PID namespace.
    directory: Option<PathBuf>,
    clocks: Vec<ClockId>,
    descriptors: Vec<(Pid, PeerDescriptors)>,
    threads: Vec<KnownThread>,
}

/// A thread, as it was when its process had used so much processor time.
#[derive(Debug)]
struct KnownThread {
    id: Pid,
    clock: Duration,
    shown: Option<Shown>,
    activity: Activity,
    /// When this wait was seen first, and how long the thread had run then.
    waits_since: Duration,
    run_time: Option<u64>,
}

impl Observer {
    pub(super) fn watch(root: Pid) -> Self {
        Self {
            root,
            directory: process::directory(root).ok(),
            clocks: Vec::new(),
            descriptors: Vec::new(),
            threads: Vec::new(),
        }
    }

    /// The processor time of all processes that the last look has found, together. It costs less than
    /// a microsecond, and any change means that one of their threads has run.
    pub(super) fn clock(&self) -> Duration {
        let times = self.clocks.iter().filter_map(|clock| clock.now().ok());
        times.map(Duration::from).sum()
    }

    /// Looks at every thread; `now` is the time since the watch began.
    pub(super) fn look(&mut self, now: Duration) -> Observation {
        let Some(directory) = &self.directory else {
            return Observation::default();
        };
        let tree = ProcessTree::read(self.root, directory);
        self.clocks.clear();
        self.clocks
            .extend(tree.processes.iter().filter_map(|process| process.clock_id));
        let family: Vec<Pid> = tree.processes.iter().map(|process| process.pid).collect();
        self.descriptors.retain(|(pid, _)| family.contains(pid));
        let mut observation = Observation {
            processes: Vec::with_capacity(tree.processes.len()),
            is_complete: tree.is_complete,
            clock: tree.processes.iter().map(|process| process.clock).sum(),
        };
        let mut known = Vec::new();
        for process in &tree.processes {
            let looked = process
                .threads
                .iter()
                .filter_map(|thread| self.look_at(process, *thread, &family, now));
            let looked: Vec<KnownThread> = looked.collect();
            let threads = looked.iter().map(|thread| Thread {
                id: thread.id,
                activity: thread.activity.clone(),
            });
            observation.processes.push(Process {
                pid: process.pid,
                parent: process.parent,
                threads: threads.collect(),
            });
            known.extend(looked);
        }
        self.threads = known;
        observation
    }

    /// `None` when the thread has ended.
    fn look_at(
        &mut self,
        process: &process_tree::Process,
        id: Pid,
        family: &[Pid],
        now: Duration,
    ) -> Option<KnownThread> {
        let directory = process.directory.join(format!("task/{id}"));
        let shown = read_shown(&directory);
        let known = self.threads.iter().position(|known| known.id == id);
        let known = known.map(|index| self.threads.swap_remove(index));
        let known = known.filter(|known| known.shown == shown);
        match known {
            Some(known) if known.clock == process.clock && known.cannot_have_changed() => {
                return Some(known);
            }
            _ => {}
        }
        let mut thread = KnownThread {
            id,
            clock: process.clock,
            shown,
            activity: Activity::Runs,
            waits_since: now,
            run_time: None,
        };
        let state = state_of(&directory);
        thread.activity = match (state, shown) {
            (ThreadState::Ended, _) => return None,
            (ThreadState::Stopped, _) => Activity::Stopped,
            (ThreadState::WaitsForDevice, _) => Activity::WaitsForDevice,
            (ThreadState::Asleep, None | Some(Shown::Foreign)) => Activity::Sleeps,
            (ThreadState::Asleep, Some(Shown::OutsideCall)) if is_of_kernel(&directory) => {
                Activity::Waits(Wait {
                    call: Call::Other,
                    ends: None,
                    sources: Vec::new(),
                    place: 0,
                })
            }
            (ThreadState::Asleep, Some(Shown::Blocked(call))) => {
                thread.run_time = read_run_time(&directory);
                // Another wait with the same arguments has a beginning of its own.
                if let Some(known) = known.filter(|known| known.run_time == thread.run_time) {
                    thread.waits_since = known.waits_since;
                }
                self.wait(process, &call, family, now, thread.waits_since)
            }
            (ThreadState::Runs, _) | (_, Some(Shown::Running | Shown::OutsideCall)) => {
                Activity::Runs
            }
        };
        Some(thread)
    }

    fn wait(
        &mut self,
        process: &process_tree::Process,
        call: &BlockedCall,
        family: &[Pid],
        now: Duration,
        since: Duration,
    ) -> Activity {
        let memory = ProcessMemory {
            pid: process.pid,
            directory: &process.directory,
        };
        let Some(wait) = call.wait(&memory) else {
            return Activity::Works;
        };
        let awaited = DescriptorTable {
            directory: &process.directory,
            descriptors: self.descriptors_of(process.pid),
            family,
        }
        .awaited(&wait.descriptors);
        let limit = match wait.limit {
            Limit::None => None,
            Limit::After(time) => Some(since.saturating_add(time)),
            Limit::At(clock, time) => Some(now.saturating_add(time_until(clock, time))),
            Limit::Unknown => Some(now),
        };
        let receive_timeout = awaited
            .receive_timeout
            .map(|time| since.saturating_add(time));
        let timer = awaited.timer.map(|time| now.saturating_add(time));
        let ends = [limit, receive_timeout, timer].into_iter().flatten().min();
        Activity::Waits(Wait {
            call: wait.call,
            ends,
            sources: awaited.sources,
            place: call.place(),
        })
    }

    fn descriptors_of(&mut self, pid: Pid) -> &PeerDescriptors {
        let known = self.descriptors.iter().position(|(known, _)| *known == pid);
        let index = known.unwrap_or_else(|| {
            self.descriptors.push((pid, PeerDescriptors::of(pid)));
            self.descriptors.len() - 1
        });
        &self.descriptors[index].1
    }
}

impl KnownThread {
    /// As long as its process has not run: what it waits for is still what it waits for.
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
    text.split_ascii_whitespace().next()?.parse().ok()
}

/// Kernel threads that work for the process, in its thread group: of `io_uring` and of vhost.
fn is_of_kernel(directory: &Path) -> bool {
    let mut buffer = [0; 64];
    read_start(&directory.join("comm"), &mut buffer)
        .is_ok_and(|name| name.starts_with(b"iou-") || name.starts_with(b"vhost-"))
}

fn read_start<'a>(path: &Path, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let length = File::open(path)?.read(buffer)?;
    Ok(&buffer[..length])
}

/// Zero when the time has come, or when the clock is not known here.
fn time_until(clock: libc::clockid_t, time: Duration) -> Duration {
    let now = ClockId::from_raw(clock).now();
    now.map_or(Duration::ZERO, |now| time.saturating_sub(now.into()))
}
