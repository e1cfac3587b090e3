//! Programs that start other programs: strace, unshare, setpriv and shells.

use std::path::Path;

use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::{program, requires};

impl Scratch {
    /// A shell that runs these commands, in which `$0` is `report`.
    pub(crate) fn shell(&self, commands: &str) -> Start {
        self.by("sh", &["-c", commands], &program::path("report"))
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

    /// The same in namespaces of its own, as `unshare(1)` names them.
    pub(crate) fn in_namespaces(&self, kinds: &[&str], commands: &str) -> Start {
        let kinds = [kinds, &["--propagation", "private", "sh", "-c", commands]].concat();
        self.by("unshare", &kinds, &program::path("report"))
    }

    /// `report -d` with some of its system calls tampered with, see `strace(1)`. It waits for the
    /// end of the daemon.
    pub(crate) fn tampered(&self, arguments: &[&str]) -> Start {
        let arguments = [&["-f", "--quiet=all", "-o", "trace"], arguments].concat();
        self.by("strace", &arguments, &program::path("report"))
            .arg("-d")
    }

    /// The program, started by another one with these arguments before it.
    pub(crate) fn by(&self, starter: &str, arguments: &[&str], program: &Path) -> Start {
        let starter = requires::find(starter).expect("it was asked for");
        self.report().via(&starter).args(arguments).arg(program)
    }

    /// As an ordinary user, who runs a copy of the program that he can reach.
    pub(crate) fn as_user(&self, uid: u32) -> Start {
        let copy = self.path("report");
        if !copy.exists() {
            self.copy_program(&program::path("report"), "report");
        }
        let ids = [format!("--reuid={uid}"), format!("--regid={uid}")];
        self.by("setpriv", &[&ids[0], &ids[1], "--clear-groups"], &copy)
    }
}
