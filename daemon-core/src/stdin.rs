//! `Stdin`: what the daemon reads.

/// The standard input of the daemon.
///
/// ```
/// use daemon::{Daemon, Stdin};
///
/// // As in `hello -d < list`.
/// let daemon = Daemon::new().stdin(Stdin::Keep);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stdin {
    /// `/dev/null`. The launcher warns if its standard input is a file or a pipe with something in it.
    #[default]
    Null,
    /// The launcher's. A daemon that reads from a terminal may wait for ever.
    Keep,
}
