//! A directory with a log, for one test.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::unistd::{getegid, geteuid};

use crate::log_rotation::RotationConfig;
use crate::signal::Signal;

pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("daemon-rotation-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(path.join("logs")).expect("mkdir");
        Self(path.canonicalize().expect("its path"))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).expect("write");
    }

    pub(super) fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(name)).ok()
    }

    pub(super) fn config(&self) -> RotationConfig {
        RotationConfig {
            pid_file: self.path("it.pid"),
            log: self.path("logs/log"),
            size: 1,
            keep: 2,
            mode: 0o640,
            owner: None,
            signal: Signal::SIGUSR1,
            reopen_timeout: Duration::ZERO,
        }
    }

    /// As [`config`](Self::config), with an hour to open the new log.
    pub(super) fn waiting_config(&self) -> RotationConfig {
        RotationConfig {
            reopen_timeout: Duration::from_secs(3600),
            ..self.config()
        }
    }

    /// The same for a daemon that may not create its log.
    pub(super) fn config_of_user(&self) -> RotationConfig {
        RotationConfig {
            owner: Some((geteuid().as_raw(), getegid().as_raw())),
            ..self.config()
        }
    }

    pub(super) fn logs(&self) -> [Option<String>; 3] {
        ["logs/log", "logs/log.1", "logs/log.2"].map(|name| self.read(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}
