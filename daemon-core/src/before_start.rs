//! `before_start`: a function of the program that runs in the launcher, and what it gives to the
//! daemon.

use std::ffi::OsString;
use std::fmt;
#[cfg(not(unix))]
use std::fs::File as OwnedFd;
#[cfg(unix)]
use std::os::fd::OwnedFd;
#[cfg(unix)]
use std::sync::Arc;

use crate::env_changes::EnvChanges;
#[cfg(unix)]
use crate::error::{CANNOT_START, Error, ErrorKind, escaped};

/// A start of the daemon that is about to happen. [`before_start`](crate::Daemon::before_start) gets
/// it.
///
/// ```
/// use daemon::{Daemon, Start};
///
/// fn ask(start: &mut Start) -> std::io::Result<()> {
///     eprint!("volume: ");
///     let mut volume = String::new();
///     std::io::stdin().read_line(&mut volume)?;
///     start.env("HELLO_VOLUME", volume.trim_end());
///     Ok(())
/// }
///
/// let _daemon = Daemon::new().before_start(ask).enter();
/// ```
#[derive(Debug, Default)]
pub struct Start {
    env: EnvChanges,
    passed: Vec<(String, OwnedFd)>,
}

impl Start {
    /// Sets a variable in the environment of the daemon, after all other changes of it.
    ///
    /// Other processes of the same user can read the environment of the daemon: [`pass`](Self::pass) a
    /// secret instead.
    ///
    /// A name that is empty or contains `=` fails the start, with an error of the kind
    /// [`Configuration`](crate::ErrorKind::Configuration).
    ///
    /// ```
    /// use daemon::{Daemon, Start};
    ///
    /// fn choose(start: &mut Start) -> std::io::Result<()> {
    ///     start.env("HELLO_CACHE", std::env::temp_dir());
    ///     Ok(())
    /// }
    ///
    /// let _daemon = Daemon::new().before_start(choose).enter();
    /// ```
    pub fn env(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        self.env.set(name.into(), Some(value.into()));
    }

    /// Hands a descriptor over to the daemon, which takes it with [`passed`](crate::passed). A second
    /// descriptor with the same name replaces the first.
    ///
    /// With [`restart`](crate::Daemon::restart) every run gets a duplicate. Duplicates have one position
    /// in a file, and what one run reads from a pipe is gone for the next: pass a file, and read it from
    /// its beginning.
    ///
    /// ```
    /// use std::fs::File;
    ///
    /// use daemon::{Daemon, Start};
    ///
    /// fn open_key(start: &mut Start) -> std::io::Result<()> {
    ///     start.pass("key", File::open("/etc/hello.key")?);
    ///     Ok(())
    /// }
    ///
    /// let _daemon = Daemon::new().user("nobody").before_start(open_key).enter();
    /// if let Some(key) = daemon::passed("key") {
    ///     println!("{} bytes", File::from(key).metadata()?.len());
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn pass(&mut self, name: impl Into<String>, fd: impl Into<OwnedFd>) {
        let name = name.into();
        self.passed.retain(|(other, _)| *other != name);
        self.passed.push((name, fd.into()));
    }
}

/// What `before_start` passes to the daemon, by name.
#[cfg(unix)]
pub(crate) type Passed = Vec<(String, OwnedFd)>;

/// Calls the function of the program, adds to the environment of the daemon, and returns the
/// descriptors for it. Only the builder method points to this code.
#[cfg(unix)]
#[derive(Clone)]
pub(crate) struct BeforeStart(Arc<Function>);

#[cfg(unix)]
type Function = dyn Fn(&mut EnvChanges) -> Result<Passed, Error> + Send + Sync;

#[cfg(unix)]
impl BeforeStart {
    pub(crate) fn new<E: fmt::Display>(
        function: impl Fn(&mut Start) -> Result<(), E> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(move |env| {
            let mut start = Start::default();
            match function(&mut start) {
                Ok(()) => start.give(env),
                Err(error) => Err(refused(&error.to_string())),
            }
        }))
    }

    /// # Errors
    ///
    /// `Refused` if the function fails, `Configuration` for a variable that cannot be set.
    pub(crate) fn run(&self, env: &mut EnvChanges) -> Result<Passed, Error> {
        (self.0)(env)
    }
}

#[cfg(unix)]
impl Start {
    fn give(self, env: &mut EnvChanges) -> Result<Passed, Error> {
        if let Some(complaint) = self.env.complaint() {
            let what = "cannot use `Start::env`";
            return Err(Error::new(ErrorKind::Configuration, what, complaint));
        }
        env.extend(self.env);
        Ok(self.passed)
    }
}

#[cfg(unix)]
fn refused(text: &str) -> Error {
    let reason = escaped(text);
    Error::new(ErrorKind::Refused, CANNOT_START, reason)
}

/// No start happens on this system.
#[cfg(not(unix))]
#[derive(Clone)]
pub(crate) struct BeforeStart(());

#[cfg(not(unix))]
impl BeforeStart {
    pub(crate) fn new<E: fmt::Display>(
        _function: impl Fn(&mut Start) -> Result<(), E> + Send + Sync + 'static,
    ) -> Self {
        Self(())
    }
}

impl fmt::Debug for BeforeStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(function)")
    }
}
