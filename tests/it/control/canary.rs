//! A process that must survive all verbs.

use std::fs;
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
