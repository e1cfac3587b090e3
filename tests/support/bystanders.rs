//! Who has nothing to do with a fault, and what must hold after each.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;

use crate::support::deadline::eventually;
use crate::support::fingerprint::Fingerprint;
use crate::support::lock;
use crate::support::process::Process;
use crate::support::scratch::Scratch;

/// A process and a file that a fault must leave alone.
#[derive(Debug)]
pub(crate) struct Bystanders<'a> {
    scratch: &'a Scratch,
    canary: Child,
    victim: (PathBuf, Fingerprint),
}

impl Scratch {
    /// A canary, which dies of any signal, and a file that nobody has a reason to write to.
    pub(crate) fn bystanders(&self) -> Bystanders<'_> {
        let mut canary = Command::new("sleep");
        canary.arg("600").stdin(Stdio::null());
        let victim = self.write("victim", "precious\n");
        Bystanders {
            scratch: self,
            canary: canary.spawn().expect("sleep"),
            victim: (victim.clone(), Fingerprint::of(&victim)),
        }
    }
}

impl Bystanders<'_> {
    pub(crate) fn canary(&self) -> u32 {
        self.canary.id()
    }

    pub(crate) fn expect_untouched(&mut self) {
        let end = self.canary.try_wait().expect("wait for the canary");
        assert_eq!(end, None, "the canary was signalled");
        let (victim, before) = &self.victim;
        assert_eq!(Fingerprint::of(victim), *before, "the victim was touched");
    }

    /// What must hold after every fault, whether a daemon came of it or not.
    ///
    /// One process holds the lock or none; no other one is left, not even as a zombie that nobody
    /// would reap; the file names the holder exactly; nobody else was touched; and the next start
    /// works with no cleaning up.
    pub(crate) fn expect_order(&mut self) {
        let scratch = self.scratch;
        let pid_file = scratch.path("report.pid");
        let holder = eventually("nobody is left but the holder of the lock", || {
            let holders = lock::holders(&pid_file);
            (scratch.processes() == holders && holders.len() <= 1).then_some(holders)
        });
        match holder[..] {
            [holder] => {
                assert_eq!(scratch.read("report.pid"), format!("{holder}\n"));
                let next = scratch.background().options(OPTIONS).run();
                assert_eq!(next.code(), 69, "{next:?}");
                let holder = Process::open(holder).expect("the holder of the lock");
                holder.signal(Signal::SIGKILL);
                holder.wait();
            }
            _ => assert!(!lock::is_held(&pid_file), "the lock is free"),
        }
        self.expect_untouched();
        let next = scratch.background().options(OPTIONS).does("hang");
        let next = scratch.daemon_of(next.run(), "report.pid");
        next.process.signal(Signal::SIGKILL);
        next.process.wait();
    }
}

/// Of a start that nothing is in the way of.
const OPTIONS: &str = "pid=report.pid\nlog=report.log\nready=exec";

impl Drop for Bystanders<'_> {
    fn drop(&mut self) {
        self.canary.kill().ok();
        self.canary.wait().ok();
    }
}
