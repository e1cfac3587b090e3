//! No timer: what other systems do with a descriptor that is received is not known well enough.

use nix::errno::Errno;

#[derive(Debug)]
pub(crate) struct CallTimer;

impl CallTimer {
    #[expect(clippy::unnecessary_wraps, reason = "Linux can fail")]
    pub(crate) fn start() -> Result<Self, Errno> {
        Ok(Self)
    }
}
