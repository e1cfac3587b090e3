//! `ListenAddress`: where a socket of `listen` listens.

#[cfg(unix)]
use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;

#[cfg(unix)]
use crate::error::Error;
use crate::path_source::PathSource;
#[cfg(unix)]
use crate::path_template::{NewDirectories, PathContext};
#[cfg(unix)]
use crate::settings::ListenSocket;
use crate::unix_address::UnixAddress;

/// Where a socket of [`listen`](crate::Daemon::listen) listens: an IP address with a TCP port, or the path
/// of a Unix socket.
///
/// A string is read as in the attribute, but without placeholders: `0.0.0.0:80`, `[::1]:8080`,
/// `unix:/run/hello.sock`, or `unix:@hello` for an abstract address. For port 0 the system chooses
/// a port, which stays the same for all runs of a daemon with [`restart`](crate::Daemon::restart).
/// What is none of these is an error of the kind [`Configuration`](crate::ErrorKind::Configuration)
/// when the daemon is started.
///
/// ```
/// use daemon::{Daemon, ListenAddress, PathSource};
///
/// let control = ListenAddress::unix(PathSource::template("{pid_dir}/{name}.sock"));
/// let daemon = Daemon::new().listen("http", "0.0.0.0:80").listen("control", control);
/// ```
#[derive(Clone, Debug)]
pub struct ListenAddress(pub(crate) Place);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Tcp(SocketAddr),
    Unix(UnixAddress),
    /// A text that is no address.
    Unknown(String),
}

impl ListenAddress {
    /// A Unix socket with this path, or with the abstract address `@NAME`. A relative path begins at the
    /// directory that the launcher was started in.
    ///
    /// ```
    /// use daemon::{Daemon, ListenAddress};
    ///
    /// let daemon = Daemon::new().listen("control", ListenAddress::unix("/run/hello.sock"));
    /// ```
    #[must_use]
    pub fn unix(path: impl Into<PathSource>) -> Self {
        Self(Place::Unix(UnixAddress::new(path.into())))
    }
}

impl ListenAddress {
    /// Whether it is a port that an ordinary user cannot bind.
    #[cfg(unix)]
    pub(crate) fn needs_root(&self) -> bool {
        matches!(&self.0, Place::Tcp(address) if is_privileged(*address))
    }
}

/// Whether it is a port that an ordinary user cannot bind.
#[cfg(unix)]
pub(crate) fn is_privileged(address: SocketAddr) -> bool {
    (1..1024).contains(&address.port())
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        Self(Place::Tcp(address))
    }
}

impl From<&str> for ListenAddress {
    fn from(text: &str) -> Self {
        let unix = text.strip_prefix("unix:");
        let unix = unix.map(|path| Place::Unix(UnixAddress::from_path(path.into())));
        let tcp = || text.parse().map(Place::Tcp).ok();
        Self(
            unix.or_else(tcp)
                .unwrap_or_else(|| Place::Unknown(text.to_owned())),
        )
    }
}

impl From<String> for ListenAddress {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl Place {
    /// For the record, where [`of`](Self::of) reads it.
    #[cfg(unix)]
    pub(crate) fn to_word(&self) -> OsString {
        match self {
            Self::Unix(address) => address.to_word(),
            other => other.to_string().into(),
        }
    }

    /// Where a socket of the record listens.
    #[cfg(unix)]
    pub(crate) fn of(socket: &ListenSocket) -> Self {
        let unix = UnixAddress::from_word(&socket.address).map(Self::Unix);
        unix.unwrap_or_else(|| ListenAddress::from(&*socket.address.to_string_lossy()).0)
    }
}

#[cfg(unix)]
impl Place {
    /// Whether it may get the clients of this other address, so that the system refuses the one or the other.
    /// Some systems let `[::]` take in the addresses of IPv4 too.
    pub(crate) fn takes_in(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tcp(whole), Self::Tcp(part)) => {
                whole != part
                    && whole.port() != 0
                    && whole.port() == part.port()
                    && whole.ip().is_unspecified()
                    && (whole.is_ipv6() || part.is_ipv4())
            }
            _ => false,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(address) => write!(f, "unix:{address}"),
            Self::Unknown(text) => f.write_str(text),
        }
    }
}

/// The sockets of one start.
#[cfg(unix)]
#[derive(Debug, Default)]
pub(crate) struct ResolvedSockets {
    /// For the record.
    pub(crate) listen: Vec<ListenSocket>,
    /// The same without their names.
    pub(crate) places: Vec<Place>,
    pub(crate) directories: Vec<NewDirectories>,
}

/// Fills in the placeholders, and makes the paths absolute.
///
/// # Errors
///
/// As for every path of the program: `Configuration` and `CannotCreate`.
#[cfg(unix)]
pub(crate) fn resolve(
    sockets: Vec<(String, ListenAddress)>,
    context: &PathContext,
) -> Result<ResolvedSockets, Error> {
    let mut resolved = ResolvedSockets::default();
    for (name, ListenAddress(mut place)) in sockets {
        if let Place::Unix(address) = place {
            let (address, directories) = address.resolve_place(context)?;
            place = Place::Unix(address);
            resolved.directories.extend(directories);
        }
        let address = place.to_word();
        resolved.listen.push(ListenSocket { name, address });
        resolved.places.push(place);
    }
    Ok(resolved)
}

/// What is wrong with the sockets of `listen`, if anything is.
pub(crate) fn problem(sockets: &[(String, ListenAddress)]) -> Option<String> {
    for (index, (name, ListenAddress(place))) in sockets.iter().enumerate() {
        let is_usable = match place {
            Place::Tcp(_) => true,
            Place::Unix(address) => !address.is_empty(),
            Place::Unknown(_) => false,
        };
        if let Place::Unix(address) = place {
            if let Some(complaint) = address.complaint().filter(|_| is_usable) {
                return Some(complaint);
            }
        }
        if !is_name(name) || !is_usable {
            return Some("takes a name and an address: `\"http=0.0.0.0:80\"`".to_owned());
        }
        // The system chooses another port for each.
        let is_chosen = matches!(place, Place::Tcp(address) if address.port() == 0);
        let mut before = sockets.iter().take(index);
        if !is_chosen && before.any(|(_, ListenAddress(other))| other == place) {
            return Some(format!("the address `{place}` is listed twice"));
        }
    }
    None
}

/// Whether it can stand in `LISTEN_FDNAMES`, see `sd_listen_fds_with_names(3)`.
pub(crate) fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && byte != b':' && byte != b'=';
    (1..=255).contains(&name.len()) && name.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem_of(sockets: &[(&str, &str)]) -> Option<String> {
        let sockets = sockets.iter().map(|(name, address)| {
            let address = ListenAddress::from(*address);
            ((*name).to_owned(), address)
        });
        problem(&sockets.collect::<Vec<_>>())
    }

    #[test]
    fn addresses_are_read_as_they_are_shown() {
        for text in [
            "0.0.0.0:80",
            "127.0.0.1:0",
            "[::1]:8080",
            "unix:/run/a b",
            "unix:@hello",
        ] {
            let ListenAddress(place) = ListenAddress::from(text);
            assert_eq!(place.to_string(), text);
            assert_eq!(problem_of(&[("http", text)]), None);
        }
    }

    #[cfg(unix)]
    #[test]
    fn wildcard_takes_in_addresses_with_its_port() {
        let takes_in = |one: &str, other: &str| {
            let [one, other] = [one, other].map(|text| ListenAddress::from(text).0);
            one.takes_in(&other)
        };
        for (whole, part) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "0.0.0.0:80"),
            ("[::]:80", "[::1]:80"),
            ("[::]:80", "127.0.0.1:80"),
        ] {
            assert!(takes_in(whole, part), "{whole} {part}");
            assert!(!takes_in(part, whole), "{part} {whole}");
        }
        for (one, other) in [
            ("0.0.0.0:80", "[::1]:80"),
            ("0.0.0.0:80", "127.0.0.1:81"),
            ("0.0.0.0:0", "[::]:0"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("127.0.0.1:80", "127.0.0.2:80"),
            ("0.0.0.0:80", "unix:a"),
        ] {
            assert!(!takes_in(one, other), "{one} {other}");
            assert!(!takes_in(other, one), "{other} {one}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_ports_below_1024_need_root() {
        for (address, needs_root) in [
            ("0.0.0.0:1", true),
            ("[::]:1023", true),
            ("0.0.0.0:0", false),
            ("0.0.0.0:1024", false),
            ("unix:/run/hello.sock", false),
        ] {
            let address = ListenAddress::from(address);
            assert_eq!(address.needs_root(), needs_root, "{address:?}");
        }
    }

    #[test]
    fn wrong_sockets_are_a_problem() {
        let usage = Some("takes a name and an address: `\"http=0.0.0.0:80\"`".to_owned());
        for address in ["80", ":80", "localhost:80", "unix:", "unix:@", ""] {
            assert_eq!(problem_of(&[("http", address)]), usage, "{address}");
        }
        for name in ["", "a:b", "a=b", "a b", "ä", &"x".repeat(256)] {
            assert_eq!(problem_of(&[(name, "0.0.0.0:80")]), usage, "{name}");
        }
        let twice = |what: &str| Some(format!("the {what} is listed twice"));
        assert_eq!(problem_of(&[("a", "[::]:0"), ("b", "[::]:0")]), None);
        assert_eq!(
            problem_of(&[("a", "unix:/a"), ("b", "unix:/a")]),
            twice("address `unix:/a`")
        );
    }
}
