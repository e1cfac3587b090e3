//! A process and a file without relation to a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::fingerprint::Fingerprint;

/// The file, in the directory of the test.
pub(crate) const VICTIM: &str = ".victim";

/// A process and a file that must stay untouched.
#[derive(Debug)]
pub(crate) struct Bystanders {
    canary: Child,
    victim: (PathBuf, Fingerprint),
}

impl Bystanders {
    pub(crate) fn new(directory: &Path) -> Self {
        // It ends with the test by the end of its input.
        let mut canary = Command::new("cat");
        canary.stdin(Stdio::piped()).stdout(Stdio::null());
        let victim = directory.join(VICTIM);
        fs::write(&victim, "precious\n").expect("write the victim");
        Self {
            canary: canary.spawn().expect("cat"),
            victim: (victim.clone(), Fingerprint::of(&victim)),
        }
    }

    pub(crate) fn canary(&self) -> u32 {
        self.canary.id()
    }

    pub(crate) fn expect_untouched(&mut self) {
        let end = self.canary.try_wait().expect("wait for the canary");
        assert_eq!(end, None, "the canary was signalled");
        let (victim, before) = &self.victim;
        assert_eq!(Fingerprint::of(victim), *before, "the victim was touched");
    }
}

impl Drop for Bystanders {
    fn drop(&mut self) {
        self.canary.kill().ok();
        self.canary.wait().ok();
    }
}
