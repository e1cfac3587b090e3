//! The daemon's answer: the outcome of the steps after its exec.

use nix::errno::Errno;

use crate::identity;

/// A step after the exec that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StartStep {
    PidFile,
    Passed,
    Chroot,
    Privileges(identity::CredStep),
    Workdir,
    LogReopen,
    /// The builder in the daemon lacks what the builder in the launcher had: the program calls a
    /// method under a condition that is different in the daemon.
    MissingCapability,
    /// The daemon's arguments do not lead it to `enter` or `start`.
    WrongArguments,
}

/// The outcome of the steps after the exec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All steps were taken. The log may still be one that the daemon cannot reopen.
    Done {
        log_errno: Option<Errno>,
    },
    Failed(StartStep, Errno),
}

impl StartStep {
    const ALL: [Self; 12] = [
        Self::PidFile,
        Self::Passed,
        Self::Chroot,
        Self::Privileges(identity::CredStep::Groups),
        Self::Privileges(identity::CredStep::Group),
        Self::Privileges(identity::CredStep::User),
        Self::Privileges(identity::CredStep::Keyring),
        Self::Privileges(identity::CredStep::VerifyDropped),
        Self::Workdir,
        Self::LogReopen,
        Self::MissingCapability,
        Self::WrongArguments,
    ];

    /// The step with this code.
    fn from_code(code: u8) -> Option<Self> {
        let mut coded = (1..).zip(Self::ALL);
        coded.find_map(|(other, step)| (other == code).then_some(step))
    }

    /// From 1, in the order of the steps.
    fn code(self) -> u8 {
        let mut coded = (1..).zip(Self::ALL);
        let found = coded.find_map(|(code, step)| (step == self).then_some(code));
        found.unwrap_or(u8::MAX)
    }
}

impl Outcome {
    pub(super) const SIZE: usize = 5;

    pub(super) fn encode(self) -> [u8; Self::SIZE] {
        let (code, errno) = match self {
            Self::Done { log_errno } => (0, log_errno),
            Self::Failed(step, errno) => (step.code(), Some(errno)),
        };
        let [a, b, c, d] = errno.map_or(0, |errno| errno as i32).to_le_bytes();
        [code, a, b, c, d]
    }

    /// `None` for bytes that no daemon sends. No bytes are the end of the connection.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (code, errno) = bytes.split_first()?;
        let errno = i32::from_le_bytes(errno.try_into().ok()?);
        let errno = (errno != 0).then(|| Errno::from_raw(errno));
        match code {
            0 => Some(Self::Done { log_errno: errno }),
            code => Some(Self::Failed(StartStep::from_code(*code)?, errno?)),
        }
    }
}
