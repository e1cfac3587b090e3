//! The record as bytes: one field after the other, in a fixed order.

use std::ffi::{OsStr, OsString};
use std::os::fd::RawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use crate::identity::Identity;

/// The first bytes of a record; another version of this library would write others.
const MAGIC: &[u8] = b"daemon hand-off 1\n";

/// What the daemon learns from the launcher.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// The launcher's pid.
    pub(crate) launcher: i32,
    /// The launcher's `comm`, which is the program's.
    pub(crate) comm: OsString,
    /// The directory that the launcher was started in, unless it was deleted.
    pub(crate) start_dir: Option<PathBuf>,
    /// The descriptor that holds the lock of the PID file.
    pub(crate) pid_descriptor: Option<RawFd>,
    pub(crate) pid_file: Option<PathBuf>,
    pub(crate) log_file: Option<PathBuf>,
    /// Where the path of the log led when it was opened.
    pub(crate) log_target: Option<PathBuf>,
    pub(crate) log_mode: Option<u32>,
    /// The number of the signal on which the log is reopened.
    pub(crate) log_reopen: Option<i32>,
    /// Where the launcher waits for the daemon's own word, besides `NOTIFY_SOCKET`.
    pub(crate) notify_address: Option<OsString>,
    /// Standard output and standard error are kept in memory until the daemon is ready.
    pub(crate) buffers_output: bool,
    /// The new root directory.
    pub(crate) chroot: Option<PathBuf>,
    /// Who the daemon becomes.
    pub(crate) identity: Option<Identity>,
    /// Inside the new root directory, if there is one.
    pub(crate) workdir: Option<PathBuf>,
    pub(crate) umask: Option<u32>,
}

impl Record {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        put_number(&mut bytes, Some(self.launcher));
        put_text(&mut bytes, Some(&self.comm));
        put_text(&mut bytes, self.start_dir.as_ref());
        put_number(&mut bytes, self.pid_descriptor);
        put_text(&mut bytes, self.pid_file.as_ref());
        put_text(&mut bytes, self.log_file.as_ref());
        put_text(&mut bytes, self.log_target.as_ref());
        put_number(&mut bytes, self.log_mode);
        put_number(&mut bytes, self.log_reopen);
        put_text(&mut bytes, self.notify_address.as_ref());
        put_number(&mut bytes, self.buffers_output.then_some(1_u32));
        put_text(&mut bytes, self.chroot.as_ref());
        put_identity(&mut bytes, self.identity.as_ref());
        put_text(&mut bytes, self.workdir.as_ref());
        put_number(&mut bytes, self.umask);
        bytes
    }

    /// The record that these bytes are, if they are a whole one and nothing else.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(Malformed)?;
        let record = Self {
            launcher: take_number(&mut rest)?.ok_or(Malformed)?,
            comm: take_text(&mut rest)?.ok_or(Malformed)?,
            start_dir: take_text(&mut rest)?.map(PathBuf::from),
            pid_descriptor: take_number(&mut rest)?,
            pid_file: take_text(&mut rest)?.map(PathBuf::from),
            log_file: take_text(&mut rest)?.map(PathBuf::from),
            log_target: take_text(&mut rest)?.map(PathBuf::from),
            log_mode: take_number(&mut rest)?,
            log_reopen: take_number(&mut rest)?,
            notify_address: take_text(&mut rest)?,
            buffers_output: take_number::<u32>(&mut rest)?.is_some(),
            chroot: take_text(&mut rest)?.map(PathBuf::from),
            identity: take_identity(&mut rest)?,
            workdir: take_text(&mut rest)?.map(PathBuf::from),
            umask: take_number(&mut rest)?,
        };
        if rest.is_empty() {
            Ok(record)
        } else {
            Err(Malformed)
        }
    }
}

/// These bytes are not a record of ours.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// A number that fits into four bytes, with a sign or without.
trait Number {
    fn to_bytes(self) -> [u8; 4];
    fn from_bytes(bytes: [u8; 4]) -> Self;
}

impl Number for i32 {
    fn to_bytes(self) -> [u8; 4] {
        self.to_le_bytes()
    }

    fn from_bytes(bytes: [u8; 4]) -> Self {
        Self::from_le_bytes(bytes)
    }
}

impl Number for u32 {
    fn to_bytes(self) -> [u8; 4] {
        self.to_le_bytes()
    }

    fn from_bytes(bytes: [u8; 4]) -> Self {
        Self::from_le_bytes(bytes)
    }
}

/// A field is its length and its bytes; the length of a field that is not there is the largest.
fn put_text(bytes: &mut Vec<u8>, text: Option<impl AsRef<OsStr>>) {
    match text {
        Some(text) => {
            let text = text.as_ref().as_bytes();
            let length = u32::try_from(text.len()).unwrap_or(u32::MAX - 1);
            bytes.extend(length.to_le_bytes());
            bytes.extend(text);
        }
        None => bytes.extend(u32::MAX.to_le_bytes()),
    }
}

fn put_number(bytes: &mut Vec<u8>, number: Option<impl Number>) {
    put_text(
        bytes,
        number.map(|number| OsString::from_vec(number.to_bytes().to_vec())),
    );
}

fn take_text(rest: &mut &[u8]) -> Result<Option<OsString>, Malformed> {
    let length;
    (length, *rest) = rest.split_first_chunk().ok_or(Malformed)?;
    let length = u32::from_le_bytes(*length);
    if length == u32::MAX {
        return Ok(None);
    }
    let text;
    let length = usize::try_from(length).map_err(|_| Malformed)?;
    (text, *rest) = rest.split_at_checked(length).ok_or(Malformed)?;
    Ok(Some(OsString::from_vec(text.to_vec())))
}

fn take_number<N: Number>(rest: &mut &[u8]) -> Result<Option<N>, Malformed> {
    let Some(text) = take_text(rest)? else {
        return Ok(None);
    };
    let bytes = text.as_bytes().try_into().map_err(|_| Malformed)?;
    Ok(Some(N::from_bytes(bytes)))
}

/// The groups, which every identity has, tell whether there is one.
fn put_identity(bytes: &mut Vec<u8>, identity: Option<&Identity>) {
    let groups = identity.map(|identity| {
        let groups = identity.groups.iter().copied();
        OsString::from_vec(groups.flat_map(u32::to_le_bytes).collect())
    });
    put_text(bytes, groups);
    if let Some(identity) = identity {
        put_number(bytes, Some(identity.uid));
        put_number(bytes, Some(identity.gid));
        put_text(bytes, identity.name.as_ref());
        put_text(bytes, identity.home.as_ref());
    }
}

fn take_identity(rest: &mut &[u8]) -> Result<Option<Identity>, Malformed> {
    let Some(groups) = take_text(rest)? else {
        return Ok(None);
    };
    let group = |bytes: &[u8]| Ok(u32::from_bytes(bytes.try_into().map_err(|_| Malformed)?));
    Ok(Some(Identity {
        groups: groups
            .as_bytes()
            .chunks(4)
            .map(group)
            .collect::<Result<_, _>>()?,
        uid: take_number(rest)?.ok_or(Malformed)?,
        gid: take_number(rest)?.ok_or(Malformed)?,
        name: match take_text(rest)? {
            Some(name) => Some(name.into_string().map_err(|_| Malformed)?),
            None => None,
        },
        home: take_text(rest)?.map(PathBuf::from),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            launcher: 4242,
            comm: OsString::from_vec(b"caf\xe9".to_vec()),
            start_dir: None,
            pid_descriptor: Some(7),
            pid_file: Some("/run/hello.pid".into()),
            log_file: Some("".into()),
            log_target: Some("/var/log/hello.log".into()),
            log_mode: Some(0o640),
            log_reopen: Some(1),
            notify_address: Some("@00042".into()),
            buffers_output: true,
            chroot: Some("/srv".into()),
            identity: Some(Identity {
                uid: 33,
                gid: 33,
                groups: vec![33, 4],
                name: Some("www-data".to_owned()),
                home: None,
            }),
            workdir: Some("/".into()),
            umask: Some(0o027),
        }
    }

    #[test]
    fn a_record_comes_through_unchanged() {
        assert_eq!(Record::decode(&record().encode()), Ok(record()));
        assert_eq!(
            Record::decode(&Record::default().encode()),
            Ok(Record::default())
        );
    }

    #[test]
    fn a_record_that_is_cut_or_too_long_is_none() {
        let whole = record().encode();
        for length in 0..whole.len() {
            assert_eq!(
                Record::decode(&whole[..length]),
                Err(Malformed),
                "{length} bytes"
            );
        }
        assert_eq!(Record::decode(&[&whole[..], &[0]].concat()), Err(Malformed));
    }
}
