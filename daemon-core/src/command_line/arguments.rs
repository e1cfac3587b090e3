//! Whether `restart` takes the arguments of the daemon that runs, or those of this command line.

use std::ffi::{OsStr, OsString};

use super::reader::{Meaning, Reader};
use crate::daemon::Daemon;

/// The words of a command line without those of this library. The name of its instance is not among
/// them, since that is known from the PID file.
#[derive(Default)]
struct ProgramWords<'w> {
    /// The first word is that of a run.
    is_run: bool,
    subcommand: Option<&'w OsStr>,
    has_others: bool,
}

/// Whether the program gets arguments of its own: another word than those that the arguments of the
/// daemon may have too.
pub(crate) fn has_arguments(settings: &Daemon, words: &[OsString]) -> bool {
    ProgramWords::of(settings, words).has_others
}

/// Whether these words are among the arguments of the daemon, each at its place: a command line
/// that names another subcommand is another command.
pub(crate) fn abbreviates(settings: &Daemon, words: &[OsString], daemon: &[OsString]) -> bool {
    let words = ProgramWords::of(settings, words);
    let daemon = ProgramWords::of(settings, daemon);
    let has_subcommand = words.subcommand.is_none() || words.subcommand == daemon.subcommand;
    !words.has_others && has_subcommand && (!words.is_run || daemon.is_run)
}

impl<'w> ProgramWords<'w> {
    fn of(settings: &Daemon, words: &'w [OsString]) -> Self {
        let mut reader = Reader::new(settings);
        let mut found = Self::default();
        let run = settings.control_subcommands.as_ref();
        for (at, word) in words.iter().enumerate().skip(1) {
            match reader.meaning_of(word) {
                // The flag of the instance: it names a daemon, and no argument of it.
                Meaning::Flag(flag) | Meaning::Value(flag, _) if flag.option.stays => {}
                Meaning::Program if at == 1 && run == Some(word) => found.is_run = true,
                Meaning::Program if word == "--" => {
                    // Nothing stands after it that it could make an argument.
                    found.has_others |= at + 1 < words.len();
                    break;
                }
                Meaning::Program
                    if found.subcommand.is_none() && settings.subcommand.contains(word) =>
                {
                    found.subcommand = Some(word);
                }
                _ => found.has_others = true,
            }
        }
        found
    }
}
