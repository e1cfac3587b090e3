//! A control group for one test, see `cgroups(7)`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::unistd::write;

use crate::support::deadline::eventually;
use crate::support::requires;
use crate::support::start::Start;

/// Where groups are, by the old way (one hierarchy for each controller) and by the new one.
const ROOT: &str = "/sys/fs/cgroup";

/// Every process in it must have ended when it is dropped.
#[derive(Debug)]
pub(crate) struct Cgroup {
    directory: PathBuf,
}

impl Cgroup {
    /// A group that has one of these files, of which the new way has the first and the old way
    /// sometimes another. Nothing, with a counted skip, where there is none.
    pub(crate) fn with(controller: &str, files: &[&str]) -> Option<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("daemon-test-{}-{number}", process::id());
        // Where the controller is not given to the groups below yet.
        let control = Path::new(ROOT).join("cgroup.subtree_control");
        fs::write(control, format!("+{controller}")).ok();
        for hierarchy in [controller, "unified", ""] {
            let directory = Path::new(ROOT).join(hierarchy).join(&name);
            if fs::create_dir(&directory).is_err() {
                continue;
            }
            let group = Self { directory };
            if files.iter().any(|file| group.path(file).exists()) {
                return Some(group);
            }
        }
        let what = format!("a control group with {}", files.join(" or "));
        let _may_be_skipped = requires::skip(&what);
        None
    }

    fn path(&self, file: &str) -> PathBuf {
        self.directory.join(file)
    }

    /// The file that lists the processes.
    pub(crate) fn processes(&self) -> PathBuf {
        self.path("cgroup.procs")
    }

    /// Writes to the first of these files that there is.
    pub(crate) fn set(&self, files: &[&str], value: &str) {
        let mut files = files.iter().map(|file| self.path(file));
        let file = files
            .find(|file| file.exists())
            .expect("a file of the group");
        fs::write(file, value).expect("write to a file of the group");
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        eventually("the control group is empty", || {
            fs::remove_dir(&self.directory).ok()
        });
    }
}

impl Start {
    /// Starts the program in this group.
    pub(crate) fn in_cgroup(self, group: &Cgroup) -> Self {
        let processes = File::options()
            .write(true)
            .open(group.processes())
            .expect("the processes of the group");
        self.before_exec(move || {
            // It means the writer.
            write(&processes, b"0")?;
            Ok(())
        })
    }
}
