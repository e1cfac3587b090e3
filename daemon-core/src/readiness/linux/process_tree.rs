//! The daemon, its descendants and their threads, as `/proc` lists them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::thread_state::has_ended;
use crate::number;
use crate::sys::{clock, process, read};

/// Of a daemon with more processes the launcher sees a part.
const PROCESSES_MAX: usize = 256;

/// One process and the ids of its threads.
#[derive(Debug)]
pub(super) struct TreeProcess {
    pub(super) pid: Pid,
    pub(super) parent: Option<Pid>,
    pub(super) directory: PathBuf,
    pub(super) clock_id: Option<libc::clockid_t>,
    /// Its processor time before the rest of the tree: what runs while the launcher reads makes the
    /// clock move on from this.
    pub(super) clock: Duration,
    pub(super) threads: Vec<Pid>,
}

impl TreeProcess {
    /// The task whose descriptors are those of the process; `None` when the process is ending.
    pub(super) fn living_task(&self) -> Option<Task> {
        let directory = process::living_task(&self.directory).ok()??;
        let id = number::parse(directory.file_name()?.to_str()?, 10)?;
        Some(Task {
            id: Pid::from_raw(id),
            directory,
        })
    }
}

/// A thread, or the whole process by its first one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) id: Pid,
    pub(super) directory: PathBuf,
}

/// What `/proc` shows of a process and of its descendants at one moment.
#[derive(Debug, Default)]
pub(super) struct ProcessTree {
    /// The first is the root, unless it has ended.
    pub(super) processes: Vec<TreeProcess>,
    /// False where a child may be missing: the kernel has no `children` files, the process of
    /// another user is hidden (`hidepid`), or there are too many.
    pub(super) is_complete: bool,
    /// Whether the root is alive, and `/proc` does not show it.
    pub(super) hides_root: bool,
}

impl ProcessTree {
    /// Reads the tree below the process with this directory.
    pub(super) fn read(root: Pid, directory: &Path) -> Self {
        let mut tree = Self {
            processes: Vec::new(),
            is_complete: true,
            hides_root: false,
        };
        tree.add(root, None, directory.to_owned());
        let mut index = 0;
        while index < tree.processes.len() {
            tree.add_children_of(index);
            index += 1;
        }
        tree
    }

    /// Whether one of these processes has run since, or has no clock that tells. An empty tree has
    /// nothing that tells either.
    pub(super) fn has_run(&self) -> bool {
        self.processes.is_empty()
            || self.processes.iter().any(|process| {
                let clock = process.clock_id.and_then(|clock| clock::time(clock).ok());
                clock != Some(process.clock)
            })
    }

    fn add_children_of(&mut self, index: usize) {
        let (parent, directory) = {
            let process = &self.processes[index];
            (process.pid, process.directory.clone())
        };
        for thread_index in 0..self.processes[index].threads.len() {
            let thread = self.processes[index].threads[thread_index];
            let thread = directory.join(format!("task/{thread}"));
            let children = match read_children(&thread) {
                Ok(children) => children,
                Err(error) => {
                    // The thread has ended, or the kernel has no such file.
                    self.is_complete &= has_ended(&error) && !thread.exists();
                    continue;
                }
            };
            for child in children {
                if self.processes.len() == PROCESSES_MAX {
                    self.is_complete = false;
                    return;
                }
                let directory = directory.with_file_name(format!("{child}"));
                self.add(child, Some(parent), directory);
            }
        }
    }

    fn add(&mut self, pid: Pid, parent: Option<Pid>, directory: PathBuf) {
        let clock_id = clock::of_process(pid);
        let clock = clock::time(clock_id).ok();
        let clock_id = clock.map(|_| clock_id);
        match read_threads(&directory) {
            Ok(threads) => self.processes.push(TreeProcess {
                pid,
                parent,
                directory,
                clock_id,
                clock: clock.unwrap_or_default(),
                threads,
            }),
            Err(error) => {
                let is_alive = kill(pid, None) != Err(Errno::ESRCH);
                self.is_complete &= has_ended(&error) && !is_alive;
                // A lack of descriptors or memory hides no process: it may pass.
                let is_denied = error.kind() == io::ErrorKind::PermissionDenied;
                let is_hidden = is_alive && (has_ended(&error) || is_denied);
                self.hides_root |= parent.is_none() && is_hidden;
            }
        }
    }
}

/// The pids of the children of a thread.
pub(super) fn read_children(thread: &Path) -> io::Result<Vec<Pid>> {
    let mut children = Vec::new();
    for pid in read::text(&thread.join("children"))?.split_ascii_whitespace() {
        children.extend(number::parse(pid, 10).map(Pid::from_raw));
    }
    Ok(children)
}

fn read_threads(directory: &Path) -> io::Result<Vec<Pid>> {
    let mut threads = Vec::new();
    for entry in fs::read_dir(directory.join("task"))? {
        let name = entry?.file_name();
        threads.extend(
            name.to_str()
                .and_then(|name| number::parse(name, 10))
                .map(Pid::from_raw),
        );
    }
    Ok(threads)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests {
    use super::*;

    use std::io::Read;
    use std::process::{Command, Stdio};

    fn read(pid: u32) -> ProcessTree {
        let pid = Pid::from_raw(pid.try_into().unwrap());
        ProcessTree::read(pid, Path::new(&format!("/proc/{pid}")))
    }

    #[test]
    fn grandchildren_belong_to_the_tree() {
        let mut shell = Command::new("sh")
            .args([
                "-c",
                "exec 3<&0; sh -c 'echo up; read line <&3; exit' & wait",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        shell
            .stdout
            .take()
            .unwrap()
            .read_exact(&mut [0; 3])
            .unwrap();
        let tree = read(shell.id());
        let parents: Vec<_> = tree
            .processes
            .iter()
            .map(|process| process.parent)
            .collect();
        shell.kill().unwrap();
        shell.wait().unwrap();
        assert_eq!(parents, [None, Some(tree.processes[0].pid)]);
        assert_eq!(tree.processes[0].threads, [tree.processes[0].pid]);
        assert!(tree.is_complete);
    }

    #[test]
    fn tree_of_ended_process_is_empty() {
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let tree = read(child.id());
        assert!(tree.processes.is_empty());
        assert!(tree.is_complete);
        assert!(!tree.hides_root);
    }

    #[test]
    fn hidden_process_makes_tree_incomplete() {
        let tree = ProcessTree::read(Pid::this(), Path::new("/proc/hidden"));
        assert!(tree.hides_root);
    }

    #[test]
    fn kernel_without_lists_of_children_makes_tree_incomplete() {
        let directory = std::env::temp_dir().join(format!("no-children-{}", Pid::this()));
        fs::create_dir_all(directory.join("task/7")).unwrap();
        let tree = ProcessTree::read(Pid::this(), &directory);
        fs::remove_dir_all(&directory).unwrap();
        assert_eq!(tree.processes[0].threads, [Pid::from_raw(7)]);
        assert!(!tree.is_complete);
        assert!(!tree.hides_root);
    }
}
