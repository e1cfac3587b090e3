//! Functions that take any bytes from outside, and panic where these lead to what must not be.
//! `fuzz/` looks for such bytes; the tests below replay what it has found so far.
#![expect(clippy::missing_panics_doc, reason = "a panic is what is looked for")]

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use crate::command_line::{self, Invocation};
use crate::daemon::Daemon;
use crate::handoff::{self, Record};
use crate::lock;
use crate::readiness::notify::{self, Notification};
use crate::sys;

/// What the launcher sends to the daemon, and what comes back.
pub fn handoff(bytes: &[u8]) {
    if let Ok(mut record) = Record::from_bytes(bytes) {
        assert_eq!(Record::from_bytes(&record.encoded()), Ok(record));
    }
    let _ = handoff::Outcome::decode(bytes);
}

/// The content of a PID file.
pub fn pid_file(bytes: &[u8]) {
    let Ok(file) = sys::files::in_memory() else {
        return;
    };
    let written = file.write_all_at(bytes, 0);
    assert!(written.is_ok(), "{written:?}");
    // What a failed start has left for the processes that wait for it.
    drop(crate::pid_file::failure(&file));
    let is_ours = lock::is_ours(&file);
    let pid = lock::read_pid(&file).map(nix::unistd::Pid::as_raw);
    // The pid that prints as exactly this line.
    let line = bytes.iter().position(|byte| *byte == b'\n');
    let line = line.and_then(|end| std::str::from_utf8(&bytes[..end]).ok());
    let expected = line.and_then(|line| Some((line, line.parse::<i32>().ok()?)));
    let expected = expected.filter(|(line, pid)| *pid > 0 && pid.to_string() == *line);
    assert_eq!(pid, expected.map(|(_, pid)| pid));
    assert_eq!(is_ours, pid.is_some() || bytes.is_empty());
}

/// A message to the socket of `sd_notify(3)`.
pub fn notification(bytes: &[u8]) {
    for notification in notify::parse(bytes) {
        match notification {
            Notification::Status(line) => {
                assert!(!line.chars().any(char::is_control), "{line:?}");
                assert!(line.chars().count() <= 203, "{line:?}");
            }
            Notification::Errno(errno) => assert!((1..=4095).contains(&errno)),
            Notification::ExtendTimeout(time) => {
                assert!(time <= Duration::from_secs(24 * 60 * 60));
            }
            _ => {}
        }
    }
}

/// Which flags the program has, as one byte, and its command line, each word ended by a NUL byte.
pub fn command_line(bytes: &[u8]) {
    let Some((flags, words)) = bytes.split_first() else {
        return;
    };
    let has = |bit: u32| flags & (1 << bit) != 0;
    let mut settings = Daemon::new();
    if has(0) {
        settings = settings.background_flag(["-d", "--background"]);
    }
    if has(1) {
        settings = settings.pid_flag("--pid-file");
    }
    if has(2) {
        settings = settings.log_flag("-l");
    }
    if has(3) {
        settings = settings.control_flag("-s");
    }
    if has(4) {
        settings = settings.subcommand(["mount"]);
    }
    if has(7) {
        settings = settings.instance_flag("--name");
    }
    if has(6) {
        settings = settings.timeout_flag("--timeout");
    }
    if has(5) {
        settings = settings.foreground_flag(["-f"]);
    }
    let words = words.split(|byte| *byte == 0).map(OsStr::from_bytes);
    let words: Vec<OsString> = words.map(OsStr::to_owned).collect();
    let read = |words: &[OsString]| command_line::read(&settings, || words.iter().cloned());
    let argv = match read(&words) {
        Ok(
            Invocation::Background { argv, .. }
            | Invocation::Control { argv, .. }
            | Invocation::InPlace { argv },
        ) => argv,
        Ok(Invocation::Foreground) | Err(_) => return,
    };
    assert_eq!(argv.first(), words.first(), "the name");
    let mut given = words.iter();
    let is_kept = |word| given.any(|it| it == word);
    assert!(argv.iter().all(is_kept), "nothing new, in the old order");
    if let Some(end) = words.iter().skip(1).position(|word| word == "--") {
        assert!(argv.ends_with(&words[end + 1..]), "all behind the dashes");
    }
    let again = read(&argv);
    assert!(
        has(5) || matches!(again, Ok(Invocation::Foreground)),
        "nothing of ours is left"
    );
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    type FuzzTarget = fn(&[u8]);

    #[test]
    fn what_was_found_so_far_is_handled_well() -> std::io::Result<()> {
        let targets: [(&str, FuzzTarget); 4] = [
            ("handoff", super::handoff),
            ("pid_file", super::pid_file),
            ("notification", super::notification),
            ("command_line", super::command_line),
        ];
        for (name, target) in targets {
            let inputs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
            let mut count = 0;
            for input in fs::read_dir(inputs.join(name))? {
                target(&fs::read(input?.path())?);
                count += 1;
            }
            assert!(count > 0, "{name}");
        }
        Ok(())
    }
}
