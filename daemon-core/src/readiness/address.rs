//! An address that a daemon serves, as `ready = "tcp:8080"` names it.

use std::fmt;
use std::path::PathBuf;

use crate::error::{Error, ErrorKind};
use crate::path_source::{PathSource, Source};
#[cfg(unix)]
use crate::path_template::{self, PathContext};
#[cfg(unix)]
use crate::settings::Object;

/// Where a server is reached. Any local IP address counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp(u16),
    Udp(u16),
    Unix(UnixAddress),
}

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

    fn is_empty(&self) -> bool {
        match self {
            Self::Source(_) => false,
            Self::Path(path) => path.as_os_str().is_empty(),
            Self::Abstract(name) => name.is_empty(),
        }
    }
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

impl Address {
    /// Reads `tcp:PORT`, `udp:PORT` or `unix:PATH`; `None` when the text is of another form.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let port = || rest.parse().ok();
        match kind {
            "tcp" => port().map(Self::Tcp),
            "udp" => port().map(Self::Udp),
            "unix" => Some(Self::Unix(UnixAddress::from_path(rest.into()))),
            _ => None,
        }
    }

    /// What is wrong with this address, if anything is.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        match self {
            Self::Tcp(0) => Some("option `ready` takes `tcp:PORT` with a number from 1 to 65535"),
            Self::Udp(0) => Some("option `ready` takes `udp:PORT` with a number from 1 to 65535"),
            Self::Unix(address) if address.is_empty() => {
                Some("option `ready` takes `unix:PATH` with a path")
            }
            _ => None,
        }
    }

    /// Fills in the placeholders, and makes the path absolute.
    ///
    /// # Errors
    ///
    /// As for every path of the program: `Configuration` and `CannotCreate`.
    #[cfg(unix)]
    pub(crate) fn resolve(self, context: &PathContext) -> Result<Self, Error> {
        let source = match self {
            Self::Unix(UnixAddress::Source(source)) if is_abstract(&source) => {
                let name = path_template::fill_name(source, context)?;
                return Ok(Self::Unix(UnixAddress::from_path(name)));
            }
            Self::Unix(UnixAddress::Source(source)) => source,
            Self::Unix(UnixAddress::Path(path)) => PathSource::from(path),
            other => return Ok(other),
        };
        let path = path_template::resolve(Object::Socket, source, context)?;
        Ok(Self::Unix(UnixAddress::Path(path.into_path())))
    }
}

/// Whether a template gives an abstract address, which is a name and no path.
#[cfg(unix)]
fn is_abstract(source: &PathSource) -> bool {
    matches!(&source.0, Source::Template { text, .. } if text.starts_with('@'))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(port) => write!(f, "tcp:{port}"),
            Self::Udp(port) => write!(f, "udp:{port}"),
            Self::Unix(address) => write!(f, "unix:{address}"),
        }
    }
}

/// What is wrong with the addresses of a `ready` that has to hold for all of them.
pub(crate) fn problem(addresses: &[Address]) -> Option<String> {
    if addresses.is_empty() {
        return Some("option `ready` needs at least one address".to_owned());
    }
    for (index, address) in addresses.iter().enumerate() {
        if let Some(problem) = address.problem() {
            return Some(problem.to_owned());
        }
        if addresses[..index].contains(address) {
            return Some(format!("`{address}` is listed twice in `ready`"));
        }
    }
    None
}

/// The error of a launch with such a `ready`.
pub(crate) fn configuration_error(problem: &str) -> Error {
    Error::words(
        ErrorKind::Configuration,
        "cannot start in the background",
        problem,
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed_and_displayed() {
        for text in [
            "tcp:8080",
            "udp:53",
            "unix:/run/hello.sock",
            "unix:@hello",
            "unix:relative",
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
        for text in ["tcp", "tcp:", "tcp:http", "tcp:65536", "port:80", "notify"] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }

    #[test]
    fn placeholders_of_abstract_addresses_are_filled_in() {
        let context = PathContext::of_this_process("hello".as_ref(), true);
        let address = UnixAddress::new(PathSource::template("@{name}.{{x}}"));
        let resolved = Address::Unix(address).resolve(&context).unwrap();
        let expected = Address::Unix(UnixAddress::Abstract(b"hello.{x}".to_vec()));
        assert_eq!(resolved, expected);
    }

    #[test]
    fn names_that_are_not_utf_8_differ() {
        let name = |byte| UnixAddress::Abstract(vec![b'x', byte]);
        assert_ne!(name(0xff), name(0xfe));
        assert_eq!(name(0xff), name(0xff));
    }

    #[test]
    fn wrong_addresses_are_a_problem() {
        let problem = |texts: &[&str]| {
            let addresses = texts.iter().map(|text| Address::parse(text).unwrap());
            problem(&addresses.collect::<Vec<_>>())
        };
        assert_eq!(problem(&["tcp:80", "udp:80", "unix:@x"]), None);
        for (texts, word) in [
            (&[][..], "at least one"),
            (&["tcp:0"], "from 1 to 65535"),
            (&["udp:80", "udp:0"], "from 1 to 65535"),
            (&["unix:"], "with a path"),
            (&["unix:@"], "with a path"),
            (&["tcp:80", "tcp:080"], "`tcp:80` is listed twice"),
        ] {
            assert!(problem(texts).unwrap().contains(word), "{texts:?}");
        }
    }
}
