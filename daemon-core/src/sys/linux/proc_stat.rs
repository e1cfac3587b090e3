//! The numbers in `/proc/PID/stat`, see `proc_pid_stat(5)`.

use std::fs;
use std::io;

/// A field by its number in the manual page, which counts from 1; from the fourth on all are
/// numbers. The process may be `self`.
pub(crate) fn field(process: impl std::fmt::Display, number: usize) -> io::Result<u64> {
    let stat = fs::read(format!("/proc/{process}/stat"))?;
    number_of(&stat, number).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn number_of(stat: &[u8], number: usize) -> Option<u64> {
    // The second field is in parentheses and may hold anything, also parentheses.
    let end_of_name = stat.iter().rposition(|byte| *byte == b')')?;
    let mut rest = stat
        .get(end_of_name + 1..)?
        .split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty());
    let digits = rest.nth(number.checked_sub(3)?)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}
