//! What the placeholders stand for, in this process.
//!
//! The rules are those of the XDG Base Directory Specification: a variable that is empty or not an
//! absolute path counts as unset. The small crates for it (`xdg`, `etcetera`, `dirs`) read the
//! environment themselves, so they can neither be told that it is not to be trusted nor be tested
//! without changing it, know nothing of `/run/user/UID`, and would be built by every user for two
//! look-ups.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::system_message;
use crate::program_name;

#[cfg(any(target_os = "linux", target_os = "android"))]
const SYSTEM_RUNTIME_DIR: &str = "/run";
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const SYSTEM_RUNTIME_DIR: &str = "/var/run";
const SYSTEM_STATE_DIR: &str = "/var/lib";
const SYSTEM_LOG_DIR: &str = "/var/log";

/// Everything outside a template that decides which path it becomes. Nothing is looked up before
/// it is asked for: a user database may be far away, and a start directory gone.
pub(crate) struct PathContext {
    pub(super) name: Option<OsString>,
    pub(super) uid: u32,
    pub(super) start_dir: io::Result<PathBuf>,
    /// `None` where it is not to be trusted.
    pub(super) environment: Option<Environment>,
    pub(super) home_of: fn(u32) -> io::Result<Option<PathBuf>>,
    /// Where the system keeps a runtime directory for each user that is logged in.
    pub(super) runtime_dirs: PathBuf,
}

pub(super) type Environment = Box<dyn Fn(&str) -> Option<OsString>>;

/// A directory that a placeholder stands for.
pub(super) struct PlaceholderDir {
    pub(super) path: PathBuf,
    /// Itself and those above it, as far as they are ours to create; outermost first.
    pub(super) levels: Vec<PathBuf>,
}

impl PlaceholderDir {
    /// Somebody else's to create.
    pub(super) fn given(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            levels: Vec::new(),
        }
    }
}

/// Neither a variable nor the user database knows a home directory.
pub(super) struct NoHomeDir {
    /// The variables that were tried; none where the environment is not to be trusted.
    pub(super) variables: &'static [&'static str],
    pub(super) uid: u32,
    /// Why the user database had no answer, if it failed.
    pub(super) cause: Option<io::Error>,
}

impl fmt::Display for NoHomeDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.variables {
            [] => f.write_str("HOME is not trusted in a privileged program")?,
            [variable] => write!(f, "{variable} is not set to an absolute path")?,
            variables => write!(f, "none of {} is an absolute path", variables.join(", "))?,
        }
        let uid = self.uid;
        match &self.cause {
            None => write!(f, ", and user {uid} has no home directory"),
            Some(cause) => write!(
                f,
                ", and the home directory of user {uid} cannot be looked up: {}",
                system_message(cause)
            ),
        }
    }
}

impl PathContext {
    /// Those of this process. `trust_environment` is false where the program has rights that its
    /// caller lacks (`AT_SECURE`, see `getauxval(3)`).
    pub(crate) fn of_this_process(argv0: &OsStr, trust_environment: bool) -> Self {
        let environment: Environment = Box::new(|variable| env::var_os(variable));
        Self {
            name: program_name::in_argv0(argv0).map(OsStr::to_owned),
            uid: effective_uid(),
            start_dir: env::current_dir(),
            environment: trust_environment.then_some(environment),
            home_of,
            runtime_dirs: PathBuf::from("/run/user"),
        }
    }

    /// Those of a process that has just been given another root directory.
    pub(crate) fn in_new_root(self) -> Self {
        Self {
            start_dir: Ok(PathBuf::from("/")),
            ..self
        }
    }

    /// The file name in `argv[0]`, without the dash that a login shell is given.
    pub(crate) fn name(&self) -> Option<&OsStr> {
        self.name.as_deref()
    }

    /// The directory that this process was in when `self` was made.
    ///
    /// # Errors
    ///
    /// It was removed, or may not be read.
    pub(crate) fn start_dir(&self) -> io::Result<&Path> {
        match &self.start_dir {
            Ok(directory) => Ok(directory),
            Err(cause) => Err(match cause.raw_os_error() {
                Some(number) => io::Error::from_raw_os_error(number),
                None => cause.kind().into(),
            }),
        }
    }

    /// `{home}`
    pub(super) fn home(&self) -> Result<PlaceholderDir, NoHomeDir> {
        self.find_home(&["HOME"]).map(PlaceholderDir::given)
    }

    /// `{state_dir}`
    pub(super) fn state_dir(&self) -> Result<PlaceholderDir, NoHomeDir> {
        if self.uid == 0 {
            return Ok(PlaceholderDir::given(SYSTEM_STATE_DIR));
        }
        self.find_state_dir(&["XDG_STATE_HOME", "HOME"])
    }

    /// `{log_dir}`
    pub(super) fn log_dir(&self) -> Result<PlaceholderDir, NoHomeDir> {
        if self.uid == 0 {
            return Ok(PlaceholderDir::given(SYSTEM_LOG_DIR));
        }
        self.find_state_dir(&["XDG_STATE_HOME", "HOME"])
    }

    /// `{runtime_dir}`
    pub(super) fn runtime_dir(&self) -> Result<PlaceholderDir, NoHomeDir> {
        if self.uid == 0 {
            return Ok(PlaceholderDir::given(SYSTEM_RUNTIME_DIR));
        }
        if let Some(path) = self.variable("XDG_RUNTIME_DIR") {
            let levels = vec![path.clone()];
            return Ok(PlaceholderDir { path, levels });
        }
        // `cron` and `ssh host stop` have no variable, and still mean what a login started.
        let path = self.runtime_dirs.join(self.uid.to_string());
        if is_directory_of(self.uid, &path) {
            return Ok(PlaceholderDir::given(path));
        }
        self.find_state_dir(&["XDG_RUNTIME_DIR", "XDG_STATE_HOME", "HOME"])
    }

    fn find_state_dir(
        &self,
        variables: &'static [&'static str],
    ) -> Result<PlaceholderDir, NoHomeDir> {
        if let Some(path) = self.variable("XDG_STATE_HOME") {
            let levels = vec![path.clone()];
            return Ok(PlaceholderDir { path, levels });
        }
        let local = self.find_home(variables)?.join(".local");
        let path = local.join("state");
        let levels = vec![local, path.clone()];
        Ok(PlaceholderDir { path, levels })
    }

    fn find_home(&self, variables: &'static [&'static str]) -> Result<PathBuf, NoHomeDir> {
        if let Some(home) = self.variable("HOME") {
            return Ok(home);
        }
        let cause = match (self.home_of)(self.uid) {
            Ok(Some(home)) if home.is_absolute() => return Ok(home),
            Ok(_) => None,
            Err(cause) => Some(cause),
        };
        Err(NoHomeDir {
            variables: if self.environment.is_some() {
                variables
            } else {
                &[]
            },
            uid: self.uid,
            cause,
        })
    }

    /// A directory from the environment.
    fn variable(&self, name: &str) -> Option<PathBuf> {
        let value = self.environment.as_ref()?(name).map(PathBuf::from);
        value.filter(|path| path.is_absolute())
    }
}

fn effective_uid() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// The home directory that the user database names; it may be a directory service.
fn home_of(uid: u32) -> io::Result<Option<PathBuf>> {
    let user = nix::unistd::User::from_uid(uid.into())?;
    Ok(user.map(|user| user.dir))
}

fn is_directory_of(uid: u32, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    std::fs::symlink_metadata(path).is_ok_and(|it| it.is_dir() && it.uid() == uid)
}
