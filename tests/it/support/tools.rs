//! Programs and calls that change how a program starts: strace, unshare, shells, other users.

use std::path::PathBuf;
use std::process::{Child, Command};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Gid, Pid, Uid, setgid, setgroups, setuid};

use crate::support::deadline::eventually;
use crate::support::process;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::{program, requires};

impl Start {
    /// The same command and environment below another program, whose name and arguments these are.
    /// What a start does before its exec is lost.
    pub(crate) fn under(self, words: &[&str]) -> Self {
        let (tool, arguments) = words.split_first().expect("a program");
        let tool = requires::find(tool).unwrap_or_else(|| panic!("{tool} is not installed"));
        let command: Vec<_> = self.words().map(ToOwned::to_owned).collect();
        self.via(&tool).args(arguments).args(command)
    }

    /// Below `strace(1)` with these options. strace waits for the end of the daemon.
    pub(crate) fn traced(self, options: &[&str]) -> Self {
        self.under(&[&["strace", "-f", "--quiet=all", "-o", "trace"], options].concat())
    }

    /// As a user without groups. The user must be able to reach the program, see
    /// [`Scratch::reachable`].
    pub(crate) fn user(self, user: u32) -> Self {
        self.before_exec(move || {
            setgroups(&[])?;
            setgid(Gid::from_raw(user))?;
            Ok(setuid(Uid::from_raw(user))?)
        })
    }
}

impl Scratch {
    /// A copy of the program `report` that every user can reach.
    pub(crate) fn reachable(&self) -> PathBuf {
        let copy = self.path("report");
        if !copy.exists() {
            self.copy_program(&program::path("report"), "report");
        }
        copy
    }

    /// `report` with the same options as [`Self::report`], as another user.
    pub(crate) fn report_as(&self, user: u32) -> Start {
        self.report().via(&self.reachable()).user(user)
    }

    /// A shell that runs these commands, in which `$0` is `report`.
    pub(crate) fn shell(&self, commands: &str) -> Start {
        self.report().under(&["sh", "-c", commands])
    }

    /// A shell that is called so and runs these commands. The program, `$0`, is a child of it, with
    /// the environment of `start`.
    pub(crate) fn below(&self, parent: &str, start: Start, commands: &str) -> Start {
        let shell = requires::find("sh").expect("sh");
        let shell = self.copy_program(&shell, parent);
        // A shell executes its last command in its own place.
        let commands = format!("{commands}; exit $?");
        let start = start.via(&shell).args(["-c", &commands]);
        start.arg(program::path("report"))
    }

    /// The same as [`Self::shell`] in new namespaces, which are options of `unshare(1)`.
    pub(crate) fn in_namespaces(&self, options: &[&str], commands: &str) -> Start {
        let shell = ["--propagation", "private", "sh", "-c", commands];
        self.report()
            .under(&[&["unshare"], options, &shell].concat())
    }

    /// A shell as process 1 of a new PID namespace, in which `$0` is `report`.
    pub(crate) fn in_pid_namespace(&self, commands: &str) -> Start {
        let shell = ["-pfm", "--mount-proc", "--kill-child", "sh", "-c", commands];
        self.report().under(&[&["unshare"][..], &shell].concat())
    }
}

/// `strace(1)` beside a process that runs already, until the drop. It writes to `trace`.
pub(crate) struct Strace(Child);

impl Strace {
    pub(crate) fn attach(scratch: &Scratch, pid: i32, options: &[&str]) -> Self {
        let mut strace = Command::new("strace");
        strace.arg("--quiet=all").arg("-o");
        strace.arg(scratch.path("trace")).args(options);
        let strace = strace.args(["-p", &pid.to_string()]).spawn();
        let strace = Self(strace.expect("start strace"));
        eventually("the process is traced", || {
            (process::status_field(pid, "TracerPid")? != "0").then_some(())
        });
        strace
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        let pid = Pid::from_raw(self.0.id().try_into().expect("a pid"));
        // It leaves the process as it was.
        kill(pid, Signal::SIGTERM).ok();
        self.0.wait().ok();
    }
}
