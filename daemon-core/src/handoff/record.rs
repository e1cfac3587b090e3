//! The record: what the launcher sends to the daemon.

use std::ffi::OsString;
use std::os::fd::RawFd;
use std::path::PathBuf;

use crate::codec::{Codec, Malformed, encoded};
use crate::passed::PassedFd;
use crate::settings::{Paths, Settings};

/// No record is longer: it holds a handful of paths.
pub(super) const RECORD_MAX: usize = 64 * 1024;

/// The first bytes of a record; another version of this library would write others.
const MAGIC: &[u8] = b"daemon hand-off 3\n";

encoded! {
    /// What the daemon learns from the launcher.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Record {
        /// The launcher's pid.
        pub(crate) launcher: i32,
        /// The launcher's `comm`, which is the program's.
        pub(crate) comm: OsString,
        /// The directory that the launcher was started in, unless it was deleted.
        pub(crate) start_dir: Option<PathBuf>,
        pub(crate) paths: Paths<PathBuf>,
        pub(crate) settings: Settings,
        /// The descriptor that holds the lock of the PID file.
        pub(crate) pid_descriptor: Option<RawFd>,
        /// What `before_start` passed.
        pub(crate) passed: Vec<PassedFd>,
        /// Where the path of the log led when it was opened.
        pub(crate) log_target: Option<PathBuf>,
        /// The launcher waits for [`ready`](crate::ready), and `NOTIFY_SOCKET` is its own.
        pub(crate) is_announced: bool,
        /// Standard output and standard error are kept in memory until the daemon is ready.
        pub(crate) buffers_output: bool,
        /// The names of the sockets that were handed over, if there are some of `listen`: the program may
        /// change its environment before it comes here.
        pub(crate) sockets: Vec<String>,
        /// The process becomes the supervisor of a daemon.
        pub(crate) supervisor: Option<SupervisorRecord>,
        /// The daemon has executed this program in its own place, so the record is its own.
        pub(crate) carried: Option<Carried>,
    }
}

encoded! {
    /// What one program of the daemon carries over to the next one.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Carried {
        /// The descriptor by which a launcher or a supervisor is told how the daemon gets on.
        pub(crate) launcher: Option<RawFd>,
        /// The files that were its log. Another file at a standard stream is the program's own.
        pub(crate) log_files: Vec<u64>,
    }
}

encoded! {
    /// What a supervisor learns beside what the daemon does.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub(crate) struct SupervisorRecord {
        /// The first argument of the daemon.
        pub(crate) argv0: OsString,
        /// The condition under which the daemon is ready, see `Readiness::names`.
        pub(crate) readiness: Vec<OsString>,
        /// The descriptor that holds the bytes of the PID file which say how far the daemon is.
        pub(crate) bring_up: RawFd,
    }
}

impl Record {
    pub(crate) fn encoded(&mut self) -> Vec<u8> {
        self.append_to(MAGIC)
    }

    /// The record that these bytes are, if they are a whole one. Zeros may follow it.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(Malformed)?;
        let record = Self::from_front(&mut rest)?;
        let is_padding = rest.iter().all(|byte| *byte == 0);
        is_padding.then_some(record).ok_or(Malformed)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;
    use std::time::Duration;

    use super::*;
    use crate::identity::Identity;
    use crate::signal::Signal;

    fn record() -> Record {
        Record {
            launcher: 4242,
            comm: OsString::from_vec(b"caf\xe9".to_vec()),
            start_dir: None,
            paths: Paths {
                pid: Some("/run/hello.pid".into()),
                log: Some("".into()),
                chroot: Some("/srv".into()),
                workdir: None,
            },
            settings: Settings {
                umask: Some(0o027),
                identity: Some(Identity {
                    uid: 33,
                    gid: 33,
                    groups: vec![33, 4],
                    name: Some("www-data".to_owned()),
                    home: None,
                }),
                keep_fds: vec![3, 9],
                ready_timeout: Some(Duration::from_millis(1500)),
                log_reopen: Some(Signal::SIGHUP),
                ..Settings::default()
            },
            pid_descriptor: Some(7),
            passed: vec![PassedFd {
                name: "key".to_owned(),
                fd: 8,
            }],
            log_target: Some("/var/log/hello.log".into()),
            is_announced: true,
            buffers_output: true,
            sockets: vec!["http".to_owned()],
            supervisor: Some(SupervisorRecord {
                argv0: "hello".into(),
                readiness: vec!["addresses".into(), "tcp:80".into()],
                bring_up: 9,
            }),
            carried: Some(Carried {
                launcher: Some(10),
                log_files: vec![11],
            }),
        }
    }

    #[test]
    fn record_arrives_unchanged() {
        assert_eq!(Record::from_bytes(&record().encoded()), Ok(record()));
        assert_eq!(
            Record::from_bytes(&Record::default().encoded()),
            Ok(Record::default())
        );
    }

    #[test]
    fn truncated_or_too_long_record_is_refused() {
        let whole = record().encoded();
        for length in 0..whole.len() {
            assert_eq!(
                Record::from_bytes(&whole[..length]),
                Err(Malformed),
                "{length} bytes"
            );
        }
        assert_eq!(
            Record::from_bytes(&[&whole[..], &[1]].concat()),
            Err(Malformed)
        );
    }

    /// The inputs of `fuzz/corpus` lose their use when the record changes; this one changes with it.
    #[test]
    fn altered_record_is_refused_or_read_as_a_whole() {
        let whole = record().encoded();
        for at in 0..whole.len() {
            for bits in [1, 0x80, 0xff] {
                let mut altered = whole.clone();
                altered[at] ^= bits;
                crate::fuzz::handoff(&altered);
            }
        }
        crate::fuzz::handoff(&whole);
    }
}
