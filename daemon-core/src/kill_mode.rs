//! `KillMode`: what happens to the other processes of a daemon's process group.

/// What happens to the rest of the daemon's process group when the daemon is stopped or fails to
/// start. The names are those of `KillMode=` in `systemd.kill(5)`.
///
/// A daemon starts as the only process of a new session and a new process group. The processes that it
/// starts are in that group, unless they leave it; see `setpgid(2)`.
///
/// ```
/// use daemon::{Daemon, KillMode};
///
/// // A job runner: the jobs go on when the runner is stopped.
/// let daemon = Daemon::new().kill_mode(KillMode::Process);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KillMode {
    /// The stop signal goes to the daemon alone. When the daemon has ended, the processes that are left
    /// in its group get SIGKILL. A process of the group that calls
    /// [`Control::stop`](crate::Control::stop) leaves the group first, unless it is the daemon itself.
    ///
    /// They get no signal where nothing keeps the id of the group from being given to another one. For
    /// a failed start that is the zombie of the daemon: a thread of the launcher that waits for any
    /// child, as by `waitpid(-1)`, must not take it. For [`Control::stop`](crate::Control::stop) these
    /// are pidfds, which Linux has since 5.3 and a filter of a container may deny. `stop` also has to
    /// know that a launcher made the group. The lock of the PID file tells it so on 64-bit Linux, but
    /// not in gVisor and not on other systems.
    #[default]
    Mixed,
    /// Only the daemon is stopped.
    Process,
}

#[cfg(unix)]
impl crate::codec::Codec for KillMode {
    fn blank() -> Self {
        Self::default()
    }

    fn code(&mut self, coder: &mut crate::codec::Coder<'_>) {
        let mut code: u32 = match self {
            Self::Mixed => 0,
            Self::Process => 1,
        };
        code.code(coder);
        match code {
            0 => *self = Self::Mixed,
            1 => *self = Self::Process,
            _ => coder.fail(),
        }
    }
}
