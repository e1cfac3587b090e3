//! `PathSource`: a path as the program gives it.

#[cfg(unix)]
use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

#[cfg(unix)]
use crate::filled_path::FillIn;
use crate::option_check;

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

#[derive(Clone)]
pub(crate) enum Source {
    #[cfg(unix)]
    Template {
        text: Cow<'static, str>,
        fill_in: FillIn,
        complaint: Complaint,
    },
    Literal(PathBuf),
    Computed(Arc<dyn Fn() -> PathBuf + Send + Sync>),
}

/// What is wrong with a template, and whether it names a directory.
#[cfg(unix)]
pub(crate) type Complaint = fn(template: &str, is_file: bool) -> Option<String>;

impl PathSource {
    /// What is wrong with the path of a file or a directory, as far as that can be known before it is
    /// computed.
    #[cfg_attr(not(unix), expect(unused_variables, reason = "there are no templates"))]
    pub(crate) fn complaint(&self, is_file: bool) -> Option<String> {
        match &self.0 {
            #[cfg(unix)]
            Source::Template {
                text, complaint, ..
            } => complaint(text, is_file),
            Source::Literal(path) => option_check::path(path.as_os_str()).map(str::to_owned),
            Source::Computed(_) => None,
        }
    }

    /// Whether `{instance}` is in the path, or may be.
    pub(crate) fn may_name_instance(&self) -> bool {
        match &self.0 {
            #[cfg(unix)]
            Source::Template { text, .. } => text.replace("{{", "").contains("{instance}"),
            Source::Literal(_) => false,
            Source::Computed(_) => true,
        }
    }

    /// Whether `{instance}` is known to be the end of the path.
    pub(crate) fn ends_with_instance(&self) -> bool {
        match &self.0 {
            #[cfg(unix)]
            Source::Template { text, .. } => text.replace("{{", "").ends_with("{instance}"),
            Source::Literal(_) | Source::Computed(_) => false,
        }
    }

    /// A path that is computed only when it is needed: in the launcher and for the control verbs,
    /// never in the foreground and never in the daemon. The result is taken literally.
    ///
    /// ```
    /// let pid_file = daemon::PathSource::from_fn(|| std::env::temp_dir().join("hello.pid"));
    /// let daemon = daemon::Daemon::new().pid(pid_file);
    /// ```
    #[must_use]
    pub fn from_fn<P: Into<PathBuf>>(path: impl Fn() -> P + Send + Sync + 'static) -> Self {
        Self(Source::Computed(Arc::new(move || path().into())))
    }
}

impl Clone for PathSource {
    #[inline(never)] // each use would have its own copy
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl fmt::Debug for PathSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            #[cfg(unix)]
            Source::Template { text, .. } => f.debug_tuple("template").field(text).finish(),
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
