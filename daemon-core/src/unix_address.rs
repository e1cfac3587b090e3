//! The address of a Unix socket: a path, or a name in the abstract namespace.

#[cfg(unix)]
use std::ffi::{OsStr, OsString};
use std::fmt;
#[cfg(unix)]
use std::os::unix::ffi::OsStrExt;
#[cfg(unix)]
use std::os::unix::net;
#[cfg(unix)]
use std::path::Path;
use std::path::PathBuf;

#[cfg(unix)]
use crate::error::Error;
use crate::option_check;
use crate::path_source::{PathSource, Source};
#[cfg(unix)]
use crate::path_template::{self, NewDirectories, PathContext};
#[cfg(unix)]
use crate::settings::Object;

/// Where a Unix socket is reached.
#[derive(Clone, Debug)]
pub(crate) enum UnixAddress {
    /// As the program gives it.
    Source(PathSource),
    Path(PathBuf),
    /// Without the zero byte in front.
    Abstract(Vec<u8>),
}

impl PartialEq for UnixAddress {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            // The text of a template; nothing tells whether two functions compute the same.
            (Self::Source(_), Self::Source(_)) => self.to_string() == other.to_string(),
            (Self::Path(path), Self::Path(other)) => path == other,
            (Self::Abstract(name), Self::Abstract(other)) => name == other,
            _ => false,
        }
    }
}

impl Eq for UnixAddress {}

impl UnixAddress {
    /// `@NAME` is an abstract address.
    pub(crate) fn new(source: PathSource) -> Self {
        match source.0 {
            Source::Literal(path) => Self::from_path(path),
            _ => Self::Source(source),
        }
    }

    pub(crate) fn from_path(path: PathBuf) -> Self {
        match path.as_os_str().as_encoded_bytes() {
            [b'@', name @ ..] => Self::Abstract(name.to_vec()),
            _ => Self::Path(path),
        }
    }

    /// For the record, where [`from_word`](Self::from_word) reads it.
    #[cfg(unix)]
    pub(crate) fn to_word(&self) -> OsString {
        let mut word = OsString::from("unix:");
        match self {
            Self::Path(path) => word.push(path),
            Self::Abstract(name) => {
                word.push("@");
                word.push(OsStr::from_bytes(name));
            }
            // None is left in a record.
            Self::Source(_) => word.push(self.to_string()),
        }
        word
    }

    /// `None` for a word of another form.
    #[cfg(unix)]
    pub(crate) fn from_word(word: &OsStr) -> Option<Self> {
        let path = word.as_bytes().strip_prefix(b"unix:")?;
        Some(Self::from_path(OsStr::from_bytes(path).into()))
    }

    /// Whether there is no path and no name in it.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            #[cfg(unix)]
            Self::Source(source) => match &source.0 {
                Source::Template { text, .. } => text.is_empty() || text == "@",
                _ => false,
            },
            #[cfg(not(unix))]
            Self::Source(_) => false,
            Self::Path(path) => path.as_os_str().is_empty(),
            Self::Abstract(name) => name.is_empty(),
        }
    }

    /// What is wrong with its path, if anything is.
    pub(crate) fn complaint(&self) -> Option<String> {
        match self {
            #[cfg(unix)]
            Self::Source(source) => source.complaint(!is_abstract(source)),
            #[cfg(not(unix))]
            Self::Source(_) => None,
            Self::Path(path) => option_check::path(path.as_os_str()).map(str::to_owned),
            Self::Abstract(_) => None,
        }
    }

    /// `None` for a socket without an address.
    #[cfg(unix)]
    pub(crate) fn of(address: &net::SocketAddr) -> Option<Self> {
        let path = address.as_pathname().map(Path::to_owned).map(Self::Path);
        path.or_else(|| abstract_name(address).map(Self::Abstract))
    }

    /// Fills in the placeholders, and makes the path absolute.
    ///
    /// # Errors
    ///
    /// As for every path of the program: `Configuration` and `CannotCreate`.
    #[cfg(unix)]
    pub(crate) fn resolve(self, context: &PathContext) -> Result<Self, Error> {
        let (address, _) = self.resolve_place(context)?;
        Ok(address)
    }

    /// The same, with the directories that belong to the path.
    #[cfg(unix)]
    pub(crate) fn resolve_place(
        self,
        context: &PathContext,
    ) -> Result<(Self, Option<NewDirectories>), Error> {
        let source = match self {
            Self::Source(source) if is_abstract(&source) => {
                let name = path_template::fill_name(&source, context)?;
                return Ok((Self::from_path(name), None));
            }
            Self::Source(source) => source,
            Self::Path(path) => PathSource::from(path),
            Self::Abstract(_) => return Ok((self, None)),
        };
        let place = path_template::resolve(Object::Socket, &source, context)?;
        Ok((Self::Path(place.path), place.directories))
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_name(address: &net::SocketAddr) -> Option<Vec<u8>> {
    #[cfg(target_os = "android")]
    use std::os::android::net::SocketAddrExt;
    #[cfg(target_os = "linux")]
    use std::os::linux::net::SocketAddrExt;

    address.as_abstract_name().map(<[u8]>::to_vec)
}

/// Other systems have no such namespace.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
fn abstract_name(_address: &net::SocketAddr) -> Option<Vec<u8>> {
    None
}

impl fmt::Display for UnixAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(source) => match &source.0 {
                #[cfg(unix)]
                Source::Template { text, .. } => f.write_str(text),
                Source::Literal(path) => write!(f, "{}", path.display()),
                Source::Computed(_) => f.write_str("(computed)"),
            },
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Abstract(name) => write!(f, "@{}", String::from_utf8_lossy(name)),
        }
    }
}

/// Whether a template gives an abstract address, which is a name and no path.
#[cfg(unix)]
fn is_abstract(source: &PathSource) -> bool {
    matches!(&source.0, Source::Template { text, .. } if text.starts_with('@'))
}

#[cfg(test)]
#[cfg(unix)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests {
    use super::*;

    #[test]
    fn placeholders_of_abstract_addresses_are_filled_in() {
        let context = PathContext::of_this_process("hello".as_ref(), true);
        let address = UnixAddress::new(PathSource::template("@{name}.{{x}}"));
        let resolved = address.resolve(&context).unwrap();
        let expected = UnixAddress::Abstract(b"hello.{x}".to_vec());
        assert_eq!(resolved, expected);
    }

    #[test]
    fn names_that_are_not_utf_8_differ() {
        let name = |byte| UnixAddress::Abstract(vec![b'x', byte]);
        assert_ne!(name(0xff), name(0xfe));
        assert_eq!(name(0xff), name(0xff));
    }
}
