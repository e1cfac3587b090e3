//! `Restart`: after which ends the daemon is started again.

/// After which ends of the daemon its supervisor starts it again, see
/// [`Daemon::restart`](crate::Daemon::restart).
///
/// ```
/// use daemon::{Daemon, Restart};
///
/// let _daemon = Daemon::new().pid("/run/hello.pid").restart(Restart::OnFailure).enter();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Restart {
    /// After a crash, and after every other end that was not intended.
    ///
    /// Intended are: status 0 once the daemon was ready, status 64 and 78, death by SIGTERM, SIGINT,
    /// SIGHUP or the [stop signal](crate::Daemon::stop_signal), and the status 128 + N of such a
    /// signal. A program that wants to be started again exits with 75.
    OnFailure,
    /// After every end but a stop.
    Always,
}

#[cfg(unix)]
impl crate::codec::Codec for Restart {
    fn blank() -> Self {
        Self::OnFailure
    }

    fn code(&mut self, coder: &mut crate::codec::Coder<'_>) {
        let mut is_always = *self == Self::Always;
        is_always.code(coder);
        if is_always {
            *self = Self::Always;
        }
    }
}
