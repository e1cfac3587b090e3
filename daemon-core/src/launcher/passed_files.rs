//! What the program passes to its daemon.

use crate::before_start::Passed;
use crate::listen::Sockets;

/// The open files of the program for its daemon.
#[derive(Debug, Default)]
pub(crate) struct PassedFiles {
    /// By `before_start`.
    pub(crate) passed: Passed,
    /// By `listen`.
    pub(crate) sockets: Sockets,
}
