//! The words that a unit adds to the command line of the program.

use std::ffi::OsString;

use crate::command_line::{self, Invocation};
use crate::daemon::Daemon;
use crate::error::{Error, ErrorKind};
use crate::value_flags::{Chosen, PID_FLAG};

/// The words of a program that systemd starts: without the switch, and the values that go with it.
///
/// # Errors
///
/// `Usage`: they hold a verb.
pub(super) fn in_foreground(
    settings: &mut Daemon,
    mut words: Vec<OsString>,
) -> Result<Vec<OsString>, Error> {
    words.insert(0, OsString::new());
    let mut argv = match command_line::read(settings, || words.iter().cloned())? {
        Invocation::Foreground => {
            // The flag of a PID file stays in these words, so the unit adds none.
            let chosen = command_line::foreground(settings, &mut words.iter().cloned())?;
            let instance = chosen.and_then(|chosen| chosen.instance);
            settings.choose(Chosen {
                instance,
                ..Chosen::default()
            });
            words
        }
        Invocation::InPlace { argv } => argv,
        Invocation::Background { argv, chosen } => {
            settings.choose(chosen);
            argv
        }
        Invocation::Control { .. } => {
            let reason = "they hold a control verb; use the words of a run";
            return Err(Error::new(
                ErrorKind::Usage,
                "cannot use the option `args`",
                reason,
            ));
        }
    };
    Ok(argv.split_off(1))
}

/// A program that goes to the background without its flag gets it.
pub(super) fn add_foreground_flag(settings: &Daemon, arguments: &mut Vec<OsString>) {
    let flags = settings.foreground_flag.iter().flatten();
    let mut ours = arguments.iter().take_while(|word| *word != "--");
    if ours.any(|word| flags.clone().any(|flag| flag == word)) {
        return;
    }
    if let Some(first) = flags.clone().next() {
        insert(settings, arguments, vec![first.clone()]);
    }
}

/// A program that locks its PID file in the foreground gets the path that its user has chosen.
pub(super) fn add_pid_flag(settings: &Daemon, arguments: &mut Vec<OsString>) {
    let flag = settings.value_flags.of(&PID_FLAG);
    let chosen = flag.zip(settings.chosen_pid_file.as_ref());
    if let (Some((flag, path)), Some(_)) = (chosen, settings.lock_in_foreground) {
        let words = vec![flag.to_owned(), path.clone().into()];
        insert(settings, arguments, words);
    }
}

/// Inserts words where a parser takes them for those of the subcommand.
fn insert(settings: &Daemon, arguments: &mut Vec<OsString>, words: Vec<OsString>) {
    let run = settings.control_subcommands.as_ref();
    let is_subcommand = |word: &OsString| settings.subcommand.contains(word) || run == Some(word);
    let mut ours = arguments.iter().take_while(|word| *word != "--");
    let at = ours.position(is_subcommand);
    let at = at.map_or(0, |at| at + 1);
    for word in words.into_iter().rev() {
        arguments.insert(at, word);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests {
    use super::*;
    use crate::path_source::PathSource;
    use crate::readiness::Readiness;

    #[test]
    fn args_of_a_unit_are_those_of_the_foreground() {
        let command = |daemon: Daemon| {
            let unit = daemon.unit().unwrap();
            let line = unit.lines().find_map(|it| it.strip_prefix("ExecStart=:"));
            let (_, words) = line.unwrap().split_once("\" ").unwrap();
            words.to_owned()
        };
        let args = ["serve", "-d", "--pid-file", "x", "--", "-d"];
        let daemon = || Daemon::new().args(args);
        assert_eq!(command(daemon()), r#""serve" "--pid-file" "x" "--" "-d""#);
        let locked = daemon().pid_flag("--pid-file").pid_in_foreground(true);
        assert_eq!(command(locked), r#""--pid-file" "x" "serve" "--" "-d""#);
        let other = daemon().background_flag(["-b"]).pid_flag("--pid-file");
        assert_eq!(command(other), r#""serve" "-d" "--pid-file" "x" "--" "-d""#);
        let background = |args| {
            let daemon = Daemon::new().args(args).foreground_flag(["-F"]);
            command(daemon.subcommand(["serve"]))
        };
        assert_eq!(background(["-v", "serve"]), r#""-v" "serve" "-F""#);
        assert_eq!(background(["--", "serve"]), r#""-F" "--" "serve""#);
    }

    #[test]
    fn args_of_a_unit_choose_as_on_the_command_line() {
        let daemon = || {
            let daemon = Daemon::new().ready(Readiness::notify());
            let daemon = daemon.timeout_flag("--timeout").instance_flag("--name");
            daemon.workdir(PathSource::template("/{instance}"))
        };
        for args in [
            &["-d", "--timeout", "60", "--name", "web"][..],
            &["--name=web", "serve"],
        ] {
            let unit = daemon().args(args).unit().unwrap();
            let has = |line: &str| unit.lines().any(|it| it == line);
            assert!(has("WorkingDirectory=/web"), "{unit}");
            assert_eq!(has("TimeoutStartSec=60"), args[0] == "-d", "{unit}");
            let name = unit.lines().find(|line| line.contains(".service"));
            assert!(name.is_some_and(|it| it.contains("@web.service")), "{unit}");
        }
    }
}
