//! The daemon's answer: what became of the steps after its exec.

use nix::errno::Errno;

use crate::identity;

/// A step after the exec that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StartStep {
    PidFile,
    Chroot,
    Privileges(identity::CredStep),
    Workdir,
    LogReopen,
}

/// Why the log cannot be reopened, if that is so, or which step failed, and why.
pub(crate) type Outcome = Result<Option<Errno>, (StartStep, Errno)>;

impl StartStep {
    const ALL: [Self; 8] = [
        Self::PidFile,
        Self::Chroot,
        Self::Privileges(identity::CredStep::Groups),
        Self::Privileges(identity::CredStep::Group),
        Self::Privileges(identity::CredStep::User),
        Self::Privileges(identity::CredStep::VerifyDropped),
        Self::Workdir,
        Self::LogReopen,
    ];

    /// The step of this number.
    fn from_number(number: u8) -> Option<Self> {
        let mut numbered = (1..).zip(Self::ALL);
        numbered.find_map(|(other, step)| (other == number).then_some(step))
    }

    /// Which one of the steps it is, from 1.
    fn number(self) -> u8 {
        let mut numbered = (1..).zip(Self::ALL);
        let found = numbered.find_map(|(number, step)| (step == self).then_some(number));
        found.unwrap_or(u8::MAX)
    }
}

pub(super) fn encode(outcome: Outcome) -> Vec<u8> {
    let (step, errno) = match outcome {
        Ok(errno) => (0, errno),
        Err((step, errno)) => (step.number(), Some(errno)),
    };
    let errno = errno.map_or(0, |errno| errno as i32);
    [&[step][..], &errno.to_le_bytes()].concat()
}

/// Of no bytes, which are the end of the connection, there is none.
pub(crate) fn decode(bytes: &[u8]) -> Option<Outcome> {
    let (step, errno) = bytes.split_first()?;
    let errno = i32::from_le_bytes(errno.try_into().ok()?);
    let errno = (errno != 0).then(|| Errno::from_raw(errno));
    match (step, errno) {
        (0, errno) => Some(Ok(errno)),
        (step, errno) => Some(Err((StartStep::from_number(*step)?, errno?))),
    }
}
