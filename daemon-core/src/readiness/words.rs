//! A readiness in the record of a supervisor, which judges the start of each run.

use std::ffi::{OsStr, OsString};
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::address::Address;
use super::mode::{ADDRESSES, EXEC, LISTENING, Mode, NOTIFY, SETTLED};
use super::probe::{Observation, Probe, Target, Watch};
use crate::sys::process;
use crate::unix_address::UnixAddress;

/// What the launcher waits for that has started a supervisor: the supervisor reports.
pub(super) static REPORTED: Mode = Mode {
    name: "reported",
    default_timeout: Duration::MAX,
    may_finish_first: false,
    hears_program: true,
    buffer: None,
    resolve: None,
    watch: Watch::Observed(watch),
    fall_back: None,
};

pub(super) fn watch(target: &Target<'_>) -> Box<dyn Probe> {
    Box::new(Reported {
        supervisor: target.daemon,
    })
}

#[derive(Debug)]
struct Reported {
    supervisor: Pid,
}

impl Probe for Reported {
    fn poll(&mut self, _now: Instant, _deadline: Instant) -> Observation {
        Observation::default()
    }

    fn next_poll(&self, _now: Instant) -> Option<Instant> {
        None
    }

    fn check_at_timeout(&mut self, _now: Instant) -> Result<(), Option<String>> {
        let what = if process::is_stopped(self.supervisor) {
            "is stopped"
        } else {
            "does not answer"
        };
        Err(Some(format!(
            "its supervisor, pid {}, {what}",
            self.supervisor
        )))
    }
}

/// The name of the mode, then the addresses.
pub(super) fn of(mode: &Mode, addresses: &[Address]) -> Vec<OsString> {
    let address = |address: &Address| match address {
        Address::Unix(address) => address.to_word(),
        other => other.to_string().into(),
    };
    let name = OsString::from(mode.name);
    [name]
        .into_iter()
        .chain(addresses.iter().map(address))
        .collect()
}

/// Finds a mode by its name.
pub(crate) type ModeByName = fn(&OsStr) -> Option<&'static Mode>;

/// For a program whose mode may be any: each links the code that watches a daemon.
pub(crate) fn any_mode(name: &OsStr) -> Option<&'static Mode> {
    let mut modes = [&EXEC, &SETTLED, &LISTENING, &NOTIFY, &ADDRESSES].into_iter();
    modes.find(|mode| name == mode.name)
}

/// What these words say. `named` is the mode that this program names, unless `by_name` finds it.
pub(super) fn read_words(
    words: &[OsString],
    named: &'static Mode,
    by_name: Option<ModeByName>,
) -> Option<(&'static Mode, Vec<Address>)> {
    let (name, addresses) = words.split_first()?;
    let mode = match by_name {
        Some(by_name) => by_name(name)?,
        None => Some(named).filter(|named| name == named.name)?,
    };
    let address = |word: &OsString| {
        let unix = || UnixAddress::from_word(word).map(Address::Unix);
        word.to_str().and_then(Address::parse).or_else(unix)
    };
    let addresses = addresses.iter().map(address).collect::<Option<_>>()?;
    Some((mode, addresses))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn readiness_comes_through_its_words() {
        let name = OsString::from_vec(b"/run/\xff.sock".to_vec());
        let addresses = [
            Address::Tcp(80),
            Address::Unix(UnixAddress::from_path(name.into())),
            Address::Unix(UnixAddress::Abstract(b"x\xff".to_vec())),
        ];
        let words = of(&ADDRESSES, &addresses);
        let (mode, read) = read_words(&words, &ADDRESSES, None).unwrap();
        assert_eq!((mode.name, &read[..]), (ADDRESSES.name, &addresses[..]));
        assert_eq!(of(mode, &read), words);
        let (mode, _) = read_words(&words, &SETTLED, Some(any_mode)).unwrap();
        assert_eq!(mode.name, ADDRESSES.name);
        assert!(read_words(&words, &SETTLED, None).is_none());
        assert!(read_words(&["reported".into()], &SETTLED, Some(any_mode)).is_none());
    }
}
