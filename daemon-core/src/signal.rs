//! `Signal`: signals as the public interface names them.

use std::fmt;
use std::str::FromStr;

/// A signal, see [`signal(7)`](https://man7.org/linux/man-pages/man7/signal.7.html).
///
/// It displays as its name, and a name can be parsed. A signal that has no name here, a real-time
/// signal for example, displays as its value.
///
/// ```
/// use daemon::Signal;
///
/// let signal: Signal = "SIGUSR1".parse()?;
/// assert_eq!(signal, Signal::SIGUSR1);
/// assert_eq!(signal.to_string(), "SIGUSR1");
/// # Ok::<(), daemon::ParseSignalError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signal(i32);

macro_rules! signals {
    ($($name:ident = $elsewhere:literal),* $(,)?) => {
        impl Signal {
            $(
                #[doc = concat!("`", stringify!($name), "`.")]
                #[cfg(unix)]
                pub const $name: Self = Self(libc::$name);
                #[doc = concat!("`", stringify!($name), "`; never sent on this system.")]
                #[cfg(not(unix))]
                pub const $name: Self = Self($elsewhere);
            )*

            const NAMED: &[(&str, Self)] = &[$((stringify!($name), Self::$name)),*];
        }
    };
}

signals! {
    SIGHUP = 1, SIGINT = 2, SIGQUIT = 3, SIGILL = 4, SIGTRAP = 5, SIGABRT = 6, SIGBUS = 7,
    SIGFPE = 8, SIGKILL = 9, SIGUSR1 = 10, SIGSEGV = 11, SIGUSR2 = 12, SIGPIPE = 13, SIGALRM = 14,
    SIGTERM = 15, SIGCHLD = 17, SIGCONT = 18, SIGSTOP = 19, SIGTSTP = 20, SIGTTIN = 21,
    SIGTTOU = 22, SIGURG = 23, SIGXCPU = 24, SIGXFSZ = 25, SIGVTALRM = 26, SIGPROF = 27,
    SIGWINCH = 28, SIGIO = 29, SIGSYS = 31,
}

#[cfg(unix)]
impl crate::codec::Codec for Signal {
    fn blank() -> Self {
        Self::SIGTERM
    }

    fn code(&mut self, coder: &mut crate::codec::Coder<'_>) {
        self.0.code(coder);
    }
}

impl Signal {
    /// The signal with this value, which differs between systems.
    ///
    /// ```
    /// # use daemon::Signal;
    /// assert_eq!(Signal::from_raw(15), Signal::SIGTERM);
    /// ```
    #[must_use]
    pub const fn from_raw(value: i32) -> Self {
        Self(value)
    }

    /// The value of this signal on this system.
    ///
    /// ```
    /// # use daemon::Signal;
    /// assert_eq!(Signal::SIGTERM.as_raw(), 15);
    /// ```
    #[must_use]
    pub const fn as_raw(self) -> i32 {
        self.0
    }

    pub(crate) fn name(self) -> Option<&'static str> {
        let mut named = Self::NAMED.iter();
        named.find_map(|(name, signal)| (*signal == self).then_some(*name))
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => fmt::Display::fmt(&self.0, f),
        }
    }
}

/// From the name of a signal, as in `SIGTERM`.
impl FromStr for Signal {
    type Err = ParseSignalError;

    fn from_str(name: &str) -> Result<Self, ParseSignalError> {
        let mut named = Self::NAMED.iter();
        named
            .find_map(|(other, signal)| (*other == name).then_some(*signal))
            .ok_or(ParseSignalError(()))
    }
}

/// The error of parsing a [`Signal`]: the text is not the name of a signal.
///
/// ```
/// let error = "TERM".parse::<daemon::Signal>().unwrap_err();
/// assert_eq!(error.to_string(), "expected the name of a signal, such as SIGTERM");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseSignalError(());

impl fmt::Display for ParseSignalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected the name of a signal, such as SIGTERM")
    }
}

impl std::error::Error for ParseSignalError {}

/// A signal as a message names it: `15 (SIGTERM)`. A real-time signal has no name.
#[cfg(unix)]
pub(crate) fn describe(signal: i32) -> String {
    match Signal(signal).name() {
        Some(name) => format!("{signal} ({name})"),
        None => format!("{signal}"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_parsed_and_displayed() {
        for (name, signal) in Signal::NAMED {
            assert_eq!(name.parse(), Ok(*signal));
            assert_eq!(signal.to_string(), *name);
        }
        assert_eq!(Signal::from_raw(40).to_string(), "40");
        for text in ["", "TERM", "sigterm", "15", "SIGTERM "] {
            assert_eq!(text.parse::<Signal>(), Err(ParseSignalError(())), "{text}");
        }
    }
}
