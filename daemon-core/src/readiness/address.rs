//! An address that a daemon serves, as `ready = "tcp:8080"` names it.

use std::fmt;

#[cfg(unix)]
use crate::error::Error;
#[cfg(unix)]
use crate::path_template::PathContext;
use crate::unix_address::UnixAddress;

/// Where a server is reached. Any local IP address counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp(u16),
    Udp(u16),
    Unix(UnixAddress),
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
    pub(crate) fn problem(&self) -> Option<String> {
        let port = |kind| format!("takes `{kind}:PORT` with a port from 1 to 65535");
        match self {
            Self::Tcp(0) => Some(port("tcp")),
            Self::Udp(0) => Some(port("udp")),
            Self::Tcp(_) | Self::Udp(_) => None,
            Self::Unix(address) if address.is_empty() => {
                Some("takes `unix:PATH` with a path".to_owned())
            }
            Self::Unix(address) => address.complaint(),
        }
    }
}

/// Fills in the placeholders of their paths, and makes these absolute.
///
/// # Errors
///
/// As for every path of the program: `Configuration` and `CannotCreate`.
#[cfg(unix)]
pub(super) fn resolve(
    addresses: Vec<Address>,
    context: &PathContext,
) -> Result<Vec<Address>, Error> {
    let mut resolved = Vec::with_capacity(addresses.len());
    for address in addresses {
        resolved.push(match address {
            Address::Unix(address) => Address::Unix(address.resolve(context)?),
            other => other,
        });
    }
    Ok(resolved)
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
        return Some("needs at least one address".to_owned());
    }
    for (index, address) in addresses.iter().enumerate() {
        if let Some(problem) = address.problem() {
            return Some(problem);
        }
        if addresses[..index].contains(address) {
            return Some(format!("`{address}` is listed twice"));
        }
    }
    None
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
