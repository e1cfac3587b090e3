//! `PathSource`: a path as the program gives it.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where a path comes from: written in the source, given at run time, or computed.
///
/// A string literal may hold the placeholders `{name}`, `{home}`, `{runtime_dir}`, `{state_dir}`
/// and `{log_dir}`, as in the attribute. Every other path is taken as it is, whatever it holds.
pub struct PathSource(pub(crate) Source);

pub(crate) enum Source {
    Template(&'static str),
    Exact(PathBuf),
    Computed(Box<dyn FnOnce() -> PathBuf>),
}

impl PathSource {
    /// A path that is computed only when it is needed: in the launcher and for the control verbs,
    /// never in the foreground and never in the daemon.
    #[must_use]
    pub fn from_fn<P: Into<PathBuf>>(path: impl FnOnce() -> P + 'static) -> Self {
        Self(Source::Computed(Box::new(|| path().into())))
    }
}

impl fmt::Debug for PathSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Template(text) => fmt::Debug::fmt(text, f),
            Source::Exact(path) => fmt::Debug::fmt(path, f),
            Source::Computed(_) => f.write_str("(computed)"),
        }
    }
}

impl From<&'static str> for PathSource {
    /// A path that may hold placeholders.
    fn from(template: &'static str) -> Self {
        Self(Source::Template(template))
    }
}

impl From<&Path> for PathSource {
    fn from(path: &Path) -> Self {
        Self(Source::Exact(path.to_owned()))
    }
}

impl From<PathBuf> for PathSource {
    fn from(path: PathBuf) -> Self {
        Self(Source::Exact(path))
    }
}

impl From<String> for PathSource {
    fn from(path: String) -> Self {
        Self(Source::Exact(path.into()))
    }
}

impl From<OsString> for PathSource {
    fn from(path: OsString) -> Self {
        Self(Source::Exact(path.into()))
    }
}
