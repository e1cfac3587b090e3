//! `Signal`: signals as the public interface names them.

/// A signal, see `signal(7)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signal(i32);

macro_rules! signals {
    ($($name:ident = $windows:literal),* $(,)?) => {
        impl Signal {
            $(
                #[doc = concat!("`", stringify!($name), "`.")]
                #[cfg(unix)]
                pub const $name: Self = Self(libc::$name);
                #[doc = concat!("`", stringify!($name), "`; never sent on this system.")]
                #[cfg(not(unix))]
                pub const $name: Self = Self($windows);
            )*
        }
    };
}

signals! {
    SIGHUP = 1, SIGINT = 2, SIGQUIT = 3, SIGKILL = 9, SIGUSR1 = 10, SIGUSR2 = 12, SIGALRM = 14,
    SIGTERM = 15, SIGCONT = 18, SIGSTOP = 19, SIGURG = 23, SIGWINCH = 28, SIGIO = 29,
}

impl Signal {
    /// The signal of this number, which is the system's own.
    #[must_use]
    pub const fn from_raw(number: i32) -> Self {
        Self(number)
    }

    /// The number of this signal on this system.
    #[must_use]
    pub const fn as_raw(self) -> i32 {
        self.0
    }
}

/// A signal as a message names it: `15 (SIGTERM)`. A real-time signal has no name.
#[cfg(unix)]
pub(crate) fn describe(number: i32) -> String {
    match nix::sys::signal::Signal::try_from(number) {
        Ok(signal) => format!("{number} ({signal})"),
        Err(_) => number.to_string(),
    }
}

/// How a process ended, as a message says it: `ended with status 1`.
#[cfg(unix)]
pub(crate) fn describe_end(status: std::process::ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(status), _) => format!("ended with status {status}"),
        (None, Some(signal)) => format!("was killed by signal {}", describe(signal)),
        (None, None) => "was lost".to_owned(),
    }
}
