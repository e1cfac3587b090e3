//! What a supervisor says in the log of its runs. What finds no room there is kept for later.

use std::io::Write;

use crate::program_name;

/// How much is kept, but for one line that is longer. A FIFO that can be written to takes so much
/// without a wait.
const KEPT_MAX: usize = 4096;

/// Lines that are not in the log yet.
#[derive(Debug, Default)]
pub(super) struct Lines {
    kept: Vec<u8>,
    /// How many there was no room for here.
    lost: usize,
}

impl Lines {
    pub(super) fn push(&mut self, text: &str) {
        let line = program_name::line(text);
        if self.kept.is_empty() || self.kept.len() + line.len() <= KEPT_MAX {
            self.kept.extend(line.into_bytes());
        } else {
            self.lost += 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Writes what it has, by one write. A line that is cut is written again as a whole, below its
    /// beginning, but for one that is longer than a write: that goes on where it was cut. How many
    /// were lost is said the next time.
    pub(super) fn write_to(&mut self, log: &mut impl Write) {
        let length = self.kept.len().min(KEPT_MAX);
        let written = log.write(&self.kept[..length]).unwrap_or(0);
        let is_end = |byte: &u8| *byte == b'\n';
        let done = match self.kept.iter().take(written).rposition(is_end) {
            _ if written == KEPT_MAX => written,
            Some(end) => end + 1,
            None => 0,
        };
        self.kept.drain(..done);
        if done < written {
            self.kept.insert(0, b'\n');
        }
        if self.lost > 0 && self.kept.is_empty() {
            let lost = std::mem::take(&mut self.lost);
            self.push(&format!("{lost} lines of the supervisor were lost"));
        }
    }
}

#[cfg(test)]
#[allow(
    clippy::expect_used,
    reason = "a broken expectation is how a test fails"
)]
mod tests {
    use std::io;

    use super::*;

    /// A disk with some room.
    struct Disk {
        room: usize,
        log: Vec<u8>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let length = self.room.min(bytes.len());
            if length == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= length;
            self.log.extend(&bytes[..length]);
            Ok(length)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn line_that_finds_no_room_is_written_later() {
        let (one, two) = (program_name::line("one"), program_name::line("two"));
        for room in 0..=one.len() + two.len() {
            let mut disk = Disk {
                room,
                log: Vec::new(),
            };
            let mut lines = Lines::default();
            lines.push("one");
            lines.push("two");
            lines.write_to(&mut disk);
            lines.write_to(&mut disk);
            assert_eq!(lines.is_empty(), room == one.len() + two.len());
            disk.room = usize::MAX;
            lines.write_to(&mut disk);
            let both = format!("{one}{two}");
            // Nothing but the beginning of a line is there twice.
            let (before, after) = both.split_at(room);
            let begin = before.rfind('\n').map_or(0, |end| end + 1);
            let expected = if begin == room {
                both.clone()
            } else {
                format!("{before}\n{}{after}", &before[begin..])
            };
            let written = String::from_utf8(disk.log).expect("text");
            assert_eq!(written, expected, "{room}");
            assert!(lines.is_empty());
        }
    }

    #[test]
    fn long_line_is_written_once() {
        let mut disk = Disk {
            room: usize::MAX,
            log: Vec::new(),
        };
        let text = "x".repeat(KEPT_MAX * 2);
        let mut lines = Lines::default();
        lines.push(&text);
        for _ in 0..=2 {
            lines.write_to(&mut disk);
        }
        assert_eq!(disk.log, program_name::line(&text).into_bytes());
        assert!(lines.is_empty());
    }

    #[test]
    fn lines_that_are_not_kept_are_counted() {
        let mut lines = Lines::default();
        for _ in 0..1000 {
            lines.push(&"x".repeat(100));
        }
        let kept = lines.kept.len();
        assert!(kept <= KEPT_MAX);
        let mut disk = Disk {
            room: usize::MAX,
            log: Vec::new(),
        };
        lines.write_to(&mut disk);
        lines.write_to(&mut disk);
        let written = String::from_utf8(disk.log).expect("text");
        let count = written.lines().count();
        let line = program_name::line(&format!(
            "{} lines of the supervisor were lost",
            1001 - count
        ));
        assert!(written.ends_with(&line), "{written}");
        lines.write_to(&mut Disk {
            room: usize::MAX,
            log: Vec::new(),
        });
        assert!(lines.is_empty());
    }
}
