//! How a readiness is written: the name of its mode, or its addresses.

use std::fmt;
use std::str::FromStr;

use super::Readiness;
use super::address::Address;
use super::mode::{EXEC, LISTENING, Mode, NOTIFY, SETTLED};
use crate::error::{Error, ErrorKind};

/// The modes that have no addresses.
fn named_modes() -> [&'static Mode; 4] {
    [&EXEC, &SETTLED, &LISTENING, &NOTIFY]
}

pub(crate) fn mode_names() -> impl Iterator<Item = &'static str> {
    named_modes().into_iter().map(|mode| mode.name)
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, rest)) = self.addresses.split_first() else {
            return f.write_str(self.mode.name);
        };
        write!(f, "{first}")?;
        rest.iter().try_for_each(|address| write!(f, ", {address}"))
    }
}

impl FromStr for Readiness {
    type Err = Error;

    /// A mode by its name, or one address: `tcp:PORT`, `udp:PORT` or `unix:PATH`, without
    /// placeholders.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration): the text is neither.
    fn from_str(name: &str) -> Result<Self, Error> {
        let mut modes = named_modes().into_iter();
        let mode = modes.find(|mode| mode.name == name).map(Self::of);
        let address = || Address::parse(name).map(|address| Self::at(vec![address]));
        let readiness = mode.or_else(address);
        readiness
            .filter(|readiness| readiness.problem.is_none())
            .ok_or_else(|| {
                let what = format!("unknown value `{name}` for `ready`");
                let expected = "expected `exec`, `settled`, `listening`, `notify`, `tcp:PORT`, \
                     `udp:PORT` or `unix:PATH`";
                Error::new(ErrorKind::Configuration, what, expected)
            })
    }
}
