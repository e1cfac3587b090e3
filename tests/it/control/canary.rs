//! A process that must survive all verbs.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use crate::support::deadline::eventually;

/// A process without relation to a daemon. Its pid stands in PID files.
pub(crate) struct Canary(pub(crate) Child);

impl Canary {
    pub(crate) fn new() -> Self {
        Self::with(Stdio::null())
    }

    /// The same with this file open as fd 3 or higher, where the verbs search for locks.
    pub(crate) fn with(descriptor: impl Into<Stdio>) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", "exec sleep 600 3<&0 <&-"]);
        let canary = Self(command.stdin(descriptor).spawn().expect("sh"));
        let it = format!("/proc/{}/fd/3", canary.0.id());
        eventually("the canary has it open", || {
            fs::symlink_metadata(&it).is_ok().then_some(())
        });
        canary
    }

    /// A process with the name of a supervisor, and its child, which is this command and reads its
    /// input. The shell is also given: not every one can be looked at.
    pub(crate) fn supervisor(mut shell: Command, child: &str) -> (Self, i32) {
        let script = format!("exec 3<&0; {child} <&3 & wait; exec sleep 600");
        shell.arg0("other [supervisor]").args(["-c", &script]);
        let canary = shell.stdin(Stdio::piped()).spawn().expect("a shell");
        let pid = canary.id();
        let child = eventually("it has its child", || {
            let children = format!("/proc/{pid}/task/{pid}/children");
            let child = fs::read_to_string(children).ok()?.trim().to_owned();
            let words = fs::read_to_string(format!("/proc/{child}/cmdline")).ok()?;
            words.contains("cat").then(|| child.parse().ok())?
        });
        (Self(canary), child)
    }

    pub(crate) fn expect_alive(&mut self) {
        assert!(
            self.0.try_wait().expect("wait").is_none(),
            "it was signalled"
        );
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
