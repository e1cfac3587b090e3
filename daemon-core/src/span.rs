//! A span of time as a message says it.

use std::fmt;
use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Displays as `500 ms`, `1.5 s`, `12 s`, `3 min 20 s`, `3 h 2 min` or `5 d 1 h`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span(pub(crate) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(time) = self;
        let (seconds, milliseconds) = (time.as_secs(), time.subsec_millis());
        let mut two = |large: u64, unit, small: u64, below| match small {
            0 => write!(f, "{large} {unit}"),
            _ => write!(f, "{large} {unit} {small} {below}"),
        };
        match seconds {
            DAY.. => two(seconds / DAY, "d", seconds % DAY / HOUR, "h"),
            HOUR.. => two(seconds / HOUR, "h", seconds % HOUR / MINUTE, "min"),
            MINUTE.. => two(seconds / MINUTE, "min", seconds % MINUTE, "s"),
            0 => write!(f, "{milliseconds} ms"),
            1..10 if milliseconds >= 100 => write!(f, "{seconds}.{} s", milliseconds / 100),
            _ => write!(f, "{seconds} s"),
        }
    }
}

/// When the supervisor starts the daemon again, as a message says it.
pub(crate) struct RestartDue(pub(crate) Option<Duration>);

impl fmt::Display for RestartDue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(time) if !time.is_zero() => write!(f, "restart due in {}", Span(time)),
            _ => f.write_str("being restarted"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn span_has_two_units_at_most() {
        for (milliseconds, expected) in [
            (0, "0 ms"),
            (500, "500 ms"),
            (1000, "1 s"),
            (1500, "1.5 s"),
            (12_999, "12 s"),
            (60_000, "1 min"),
            (200_000, "3 min 20 s"),
            (10_920_000, "3 h 2 min"),
            (435_600_000, "5 d 1 h"),
        ] {
            let span = Span(Duration::from_millis(milliseconds));
            assert_eq!(span.to_string(), expected);
        }
    }
}
