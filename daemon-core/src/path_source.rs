//! `PathSource`: a path as the program gives it.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

/// Where a path comes from: given as it is, written as a template, or computed.
///
/// Everything that is `Into<PathBuf>` converts into a `PathSource`, and is taken literally. Placeholders
/// count only in a [`template`](Self::template).
///
/// ```
/// use daemon::{Daemon, PathSource};
///
/// let daemon = Daemon::new()
///     .pid(PathSource::template("{pid_dir}/{name}.pid"))
///     .log("/var/log/hello.log")
///     .workdir(PathSource::from_fn(std::env::temp_dir));
/// ```
pub struct PathSource(pub(crate) Source);

pub(crate) enum Source {
    Template(Cow<'static, str>),
    Literal(PathBuf),
    Computed(Box<dyn FnOnce() -> PathBuf>),
}

impl PathSource {
    /// A path with placeholders, as in a string of the attribute: `{name}`, `{host}`, `{home}`,
    /// `{pid_dir}`, `{state_dir}` and `{log_dir}`. A brace is written twice: `{{`.
    ///
    /// The template is read by the launcher and by the control verbs. A wrong one is an error of the
    /// kind [`Configuration`](crate::ErrorKind::Configuration) there.
    ///
    /// ```
    /// let log = daemon::PathSource::template("{log_dir}/{name}.log");
    /// let daemon = daemon::Daemon::new().log(log);
    /// ```
    #[must_use]
    pub fn template(text: impl Into<Cow<'static, str>>) -> Self {
        Self(Source::Template(text.into()))
    }

    /// A path that is computed only when it is needed: in the launcher and for the control verbs,
    /// never in the foreground and never in the daemon. The result is taken literally.
    ///
    /// ```
    /// let pid_file = daemon::PathSource::from_fn(|| std::env::temp_dir().join("hello.pid"));
    /// let daemon = daemon::Daemon::new().pid(pid_file);
    /// ```
    #[must_use]
    pub fn from_fn<P: Into<PathBuf>>(path: impl FnOnce() -> P + 'static) -> Self {
        Self(Source::Computed(Box::new(|| path().into())))
    }
}

impl fmt::Debug for PathSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Template(text) => f.debug_tuple("template").field(text).finish(),
            Source::Literal(path) => fmt::Debug::fmt(path, f),
            Source::Computed(_) => f.write_str("(computed)"),
        }
    }
}

/// A path that is taken as it is, whatever it holds.
impl<P: Into<PathBuf>> From<P> for PathSource {
    fn from(path: P) -> Self {
        Self(Source::Literal(path.into()))
    }
}
