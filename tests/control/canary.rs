//! An innocent, who must outlive all that the verbs do.

use std::process::{Child, Command, Stdio};

/// A process that has nothing to do with any daemon, and whose number stands in files.
pub(crate) struct Canary(pub(crate) Child);

impl Canary {
    pub(crate) fn new() -> Self {
        Self::with(Stdio::null())
    }

    pub(crate) fn with(stdin: impl Into<Stdio>) -> Self {
        let mut command = Command::new("sleep");
        Self(command.arg("600").stdin(stdin).spawn().expect("sleep"))
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
