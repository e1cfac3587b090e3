//! The settings of one start: the builder fills them in, the launch uses them, and the record
//! carries them over the exec.

use std::ffi::OsString;
use std::time::Duration;

use crate::codec::encoded;
#[cfg(unix)]
use crate::identity::Identity;
use crate::kill_mode::KillMode;
use crate::restart::Restart;
use crate::signal::Signal;

encoded! {
    /// Every setting that is the same in the builder, in the launch and in the daemon.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Settings {
        pub(crate) pid_mode: u32,
        pub(crate) log_mode: u32,
        pub(crate) umask: Option<u32>,
        /// The user and the groups that the daemon becomes. The launcher looks them up.
        #[cfg(unix)]
        pub(crate) identity: Option<Identity>,
        /// The descriptors that stay open.
        pub(crate) keep_fds: Vec<i32>,
        /// The sockets that the launcher binds.
        pub(crate) listen: Vec<ListenSocket>,
        pub(crate) ready_timeout: Option<Duration>,
        /// What the verb `stop` sends first.
        pub(crate) stop_signal: Signal,
        pub(crate) stop_timeout: Duration,
        pub(crate) kill_mode: KillMode,
        /// The signal on which the log is reopened.
        pub(crate) log_reopen: Option<Signal>,
        /// The size in bytes from which on the log is rotated.
        pub(crate) log_rotate: Option<u64>,
        /// How many old logs are kept.
        pub(crate) log_keep: u32,
        /// The facility under which the system log is told.
        pub(crate) syslog: Option<u32>,
        /// With this the daemon has a supervisor.
        pub(crate) restart: Option<Restart>,
        pub(crate) restart_delay: Duration,
        /// The delay is doubled up to this.
        pub(crate) restart_delay_max: Duration,
        pub(crate) restart_limit: Option<u32>,
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pid_mode: 0o644,
            log_mode: 0o640,
            umask: None,
            #[cfg(unix)]
            identity: None,
            keep_fds: Vec::new(),
            listen: Vec::new(),
            ready_timeout: None,
            stop_signal: Signal::SIGTERM,
            stop_timeout: Duration::from_secs(10),
            kill_mode: KillMode::default(),
            log_reopen: None,
            log_rotate: None,
            log_keep: 5,
            syslog: None,
            restart: None,
            restart_delay: Duration::from_millis(500),
            restart_delay_max: Duration::from_secs(60),
            restart_limit: None,
        }
    }
}

encoded! {
    /// A socket of `listen`, as the launch and the daemon know it.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct ListenSocket {
        pub(crate) name: String,
        /// `unix:PATH`, `unix:@NAME`, or an IP address and a port. Paths are absolute.
        pub(crate) address: OsString,
    }
}

/// What a path is the path of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    PidFile,
    Log,
    Root,
    Workdir,
    /// A Unix socket that the daemon serves.
    Socket,
}

encoded! {
    /// The paths of one start: as the program gives them, or resolved.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Paths<P> {
        pub(crate) pid: Option<P>,
        pub(crate) log: Option<P>,
        /// The new root directory.
        pub(crate) chroot: Option<P>,
        /// Inside the new root directory, if there is one.
        pub(crate) workdir: Option<P>,
    }
}

impl<P> Default for Paths<P> {
    fn default() -> Self {
        Self {
            pid: None,
            log: None,
            chroot: None,
            workdir: None,
        }
    }
}

impl<P> Paths<P> {
    /// Changes every path, the root directory before what lies in it.
    pub(crate) fn try_map<Q, E>(
        &self,
        change: &mut dyn FnMut(Object, &P) -> Result<Q, E>,
    ) -> Result<Paths<Q>, E> {
        let mut paths = Paths::default();
        for (object, from, to) in [
            (Object::PidFile, &self.pid, &mut paths.pid),
            (Object::Log, &self.log, &mut paths.log),
            (Object::Root, &self.chroot, &mut paths.chroot),
            (Object::Workdir, &self.workdir, &mut paths.workdir),
        ] {
            if let Some(path) = from {
                *to = Some(change(object, path)?);
            }
        }
        Ok(paths)
    }
}
