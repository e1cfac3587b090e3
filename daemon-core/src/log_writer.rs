//! A log that outlives a full disk.

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How many writes were lost since the last line that said so.
static LOST: AtomicU64 = AtomicU64::new(0);

/// How many writes were lost ever.
static LOST_EVER: AtomicU64 = AtomicU64::new(0);

/// Whether a line was cut off in its middle.
static IS_CUT: AtomicBool = AtomicBool::new(false);

/// Standard error, which is the daemon's log, as a writer that never fails: what cannot be written
/// is dropped and counted. [`log_writer`] makes one.
///
/// ```
/// use std::io::Write;
///
/// fn record(log: &mut daemon::LogWriter, event: &str) {
///     writeln!(log, "event: {event}").expect("a log writer never fails");
/// }
///
/// record(&mut daemon::log_writer(), "connected");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LogWriter(());

/// A writer to the log that never fails.
///
/// `println!` and `eprintln!` panic when their line cannot be written, and so the program ends when
/// the disk of its log is full. Through this writer it continues: what does not fit is dropped, and
/// one line says how much that was when there is room again. In the foreground it writes to
/// standard error.
///
/// The same holds for a limit on the size of files, see `setrlimit(2)`: from the first call on the
/// signal SIGXFSZ, where it has its default action, does nothing in this process.
///
/// ```
/// use std::io::Write;
///
/// let mut log = daemon::log_writer();
/// writeln!(log, "serving")?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Logging crates take it in one line, for example `tracing-subscriber`:
///
/// ```text
/// tracing_subscriber::fmt().with_writer(daemon::log_writer).init();
/// ```
///
/// and `env_logger`:
///
/// ```text
/// env_logger::builder().target(Target::Pipe(Box::new(daemon::log_writer()))).init();
/// ```
#[must_use]
pub fn log_writer() -> LogWriter {
    #[cfg(unix)]
    {
        static SURVIVES_LIMIT: std::sync::Once = std::sync::Once::new();
        SURVIVES_LIMIT.call_once(|| {
            // If it cannot be had, the limit kills as it did before.
            crate::sys::signals::install_noop_handler(nix::sys::signal::Signal::SIGXFSZ).ok();
        });
    }
    LogWriter(())
}

impl LogWriter {
    /// How many writes this process has dropped, by all its log writers.
    ///
    /// ```
    /// let log = daemon::log_writer();
    /// assert_eq!(log.dropped(), 0);
    /// ```
    #[must_use]
    pub fn dropped(&self) -> u64 {
        LOST_EVER.load(Ordering::Relaxed)
    }
}

impl Write for LogWriter {
    /// Writes all of it, or drops what cannot be written.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // One at a time, so that the line about what was dropped stands where it was.
        let mut log = io::stderr().lock();
        if !(has_told_of_losses(&mut log) && write_all(&mut log, bytes)) {
            LOST.fetch_add(1, Ordering::Relaxed);
            LOST_EVER.fetch_add(1, Ordering::Relaxed);
        }
        Ok(bytes.len())
    }

    /// In one piece, so that a line is written or dropped as a whole where that is possible.
    fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
        self.write(text.to_string().as_bytes()).map(drop)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Says how much was lost, if something was and there is room for it.
fn has_told_of_losses(log: &mut impl Write) -> bool {
    let lost = LOST.load(Ordering::Relaxed);
    if lost == 0 {
        return true;
    }
    let end_of_cut_line = if IS_CUT.load(Ordering::Relaxed) {
        "\n"
    } else {
        ""
    };
    let line = format!("{end_of_cut_line}[{lost} writes to this log were lost]\n");
    let is_told = write_all(log, line.as_bytes());
    if is_told {
        LOST.store(0, Ordering::Relaxed);
    }
    is_told
}

fn write_all(log: &mut impl Write, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match log.write(bytes) {
            Ok(0) => return false,
            Ok(length) => {
                bytes = bytes.get(length..).unwrap_or_default();
                IS_CUT.store(!bytes.is_empty(), Ordering::Relaxed);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
    true
}
