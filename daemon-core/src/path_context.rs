//! What the placeholders stand for, in this process.
//!
//! The rules are those of the XDG Base Directory Specification: a variable that is empty or not an
//! absolute path counts as unset. Crates such as `xdg` or `dirs` read the environment themselves, so
//! they can neither distrust it nor be tested without changing it.
//!
//! `{pid_dir}` depends on no variable: every login, cron and su must find the same PID file, and
//! `$XDG_RUNTIME_DIR` is removed at logout while the daemon runs on.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::system_message;
use crate::program_name;

#[cfg(any(target_os = "linux", target_os = "android"))]
const SYSTEM_PID_DIR: &str = "/run";
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const SYSTEM_PID_DIR: &str = "/var/run";
const SYSTEM_STATE_DIR: &str = "/var/lib";
const SYSTEM_LOG_DIR: &str = "/var/log";

/// Everything outside a template that decides which path it becomes. The user database and the host
/// name are looked up only for a template that needs them.
pub(crate) struct PathContext {
    pub(crate) name: Option<OsString>,
    /// What `instance_flag` names.
    pub(crate) instance: Option<String>,
    pub(crate) uid: u32,
    pub(crate) start_dir: io::Result<PathBuf>,
    /// `None` where the environment is not to be trusted.
    pub(crate) environment: Option<Environment>,
    // The look-ups of the system, or what a test puts in their place. No pointer to them stands in the
    // context itself, so that a program without a template does not link them.
    pub(crate) home_of: Option<HomeOf>,
    pub(crate) is_directory: Option<fn(&Path) -> bool>,
    pub(crate) node_name: Option<fn() -> io::Result<OsString>>,
}

pub(crate) type HomeOf = fn(u32) -> io::Result<Option<PathBuf>>;

pub(crate) type Environment = Box<dyn Fn(&str) -> Option<OsString>>;

/// A directory that a placeholder stands for.
pub(crate) struct PlaceholderDir {
    pub(crate) path: PathBuf,
    /// The directory and those above it that a start may create, outermost first.
    pub(crate) levels: Vec<PathBuf>,
}

impl PlaceholderDir {
    /// It must exist: a start does not create it.
    pub(crate) fn given(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            levels: Vec::new(),
        }
    }
}

/// Neither a variable nor the user database names a home directory.
pub(crate) struct NoHomeDir {
    /// The variables that were tried. Empty where none counts.
    pub(crate) variables: &'static [&'static str],
    pub(crate) uid: u32,
    /// Why the user database had no answer, if it failed.
    pub(crate) cause: Option<io::Error>,
}

/// There is no host name that a path can hold.
pub(crate) enum NoHost {
    Unknown(io::Error),
    Empty,
    Slash,
}

impl fmt::Display for NoHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(cause) => f.write_str(&system_message(cause)),
            Self::Empty => f.write_str("the host name is empty"),
            Self::Slash => f.write_str("the host name holds a slash"),
        }
    }
}

impl fmt::Display for NoHomeDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.variables {
            [] if self.uid == 0 => f.write_str("root's home is that of the user database")?,
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
    /// The context of this process. `trust_environment` is false where the program has rights that its
    /// caller lacks (`AT_SECURE`, see `getauxval(3)`).
    pub(crate) fn of_this_process(argv0: &OsStr, trust_environment: bool) -> Self {
        let environment: Environment = Box::new(|variable| env::var_os(variable));
        Self {
            name: program_name::in_argv0(argv0).map(OsStr::to_owned),
            instance: None,
            uid: effective_uid(),
            start_dir: env::current_dir(),
            environment: trust_environment.then_some(environment),
            home_of: None,
            is_directory: None,
            node_name: None,
        }
    }

    /// After `chroot(2)` a relative path begins at the root directory.
    pub(crate) fn enter_new_root(&mut self) {
        self.start_dir = Ok(PathBuf::from("/"));
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
                Some(errno) => io::Error::from_raw_os_error(errno),
                None => cause.kind().into(),
            }),
        }
    }

    /// `{host}`: the node name up to the first dot, see `uname(2)`.
    pub(crate) fn host(&self) -> Result<OsString, NoHost> {
        let name = self.node_name.unwrap_or(node_name)().map_err(NoHost::Unknown)?;
        let name = name.as_bytes().split(|byte| *byte == b'.').next();
        match name.unwrap_or_default() {
            b"" => Err(NoHost::Empty),
            name if name.contains(&b'/') => Err(NoHost::Slash),
            name => Ok(OsStr::from_bytes(name).to_owned()),
        }
    }

    /// `{home}`
    pub(crate) fn home(&self) -> Result<PlaceholderDir, NoHomeDir> {
        self.find_home(&["HOME"]).map(PlaceholderDir::given)
    }

    /// `{pid_dir}`
    pub(crate) fn pid_dir(&self) -> Result<PlaceholderDir, NoHomeDir> {
        if self.uid == 0 {
            return Ok(PlaceholderDir::given(SYSTEM_PID_DIR));
        }
        match self.home_in_database() {
            Ok(Some(home)) if self.is_directory.unwrap_or(Path::is_dir)(&home) => {
                Ok(state_dir_below(&home))
            }
            _ => self.state_dir(),
        }
    }

    /// `{state_dir}`
    pub(crate) fn state_dir(&self) -> Result<PlaceholderDir, NoHomeDir> {
        self.find_state_dir(SYSTEM_STATE_DIR)
    }

    /// `{log_dir}`
    pub(crate) fn log_dir(&self) -> Result<PlaceholderDir, NoHomeDir> {
        self.find_state_dir(SYSTEM_LOG_DIR)
    }

    fn find_state_dir(&self, of_root: &str) -> Result<PlaceholderDir, NoHomeDir> {
        if self.uid == 0 {
            return Ok(PlaceholderDir::given(of_root));
        }
        if let Some(path) = self.variable("XDG_STATE_HOME") {
            let levels = vec![path.clone()];
            return Ok(PlaceholderDir { path, levels });
        }
        let home = self.find_home(&["XDG_STATE_HOME", "HOME"])?;
        Ok(state_dir_below(&home))
    }

    /// Root's home is that of the user database: `su` and `sudo` may leave it the `HOME` of another
    /// user.
    fn find_home(&self, variables: &'static [&'static str]) -> Result<PathBuf, NoHomeDir> {
        let variables = if self.uid == 0 || self.environment.is_none() {
            &[]
        } else {
            variables
        };
        if let Some(home) = self.variable("HOME").filter(|_| self.uid != 0) {
            return Ok(home);
        }
        let cause = match self.home_in_database() {
            Ok(Some(home)) => return Ok(home),
            Ok(None) => None,
            Err(cause) => Some(cause),
        };
        Err(NoHomeDir {
            variables,
            uid: self.uid,
            cause,
        })
    }

    fn home_in_database(&self) -> io::Result<Option<PathBuf>> {
        let home = self.home_of.unwrap_or(home_of)(self.uid)?;
        Ok(home.filter(|home| home.is_absolute()))
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

/// Whether the directory is in the home directory of this user, as the user database has it.
pub(crate) fn is_in_home(directory: &Path) -> bool {
    let home = home_of(effective_uid());
    matches!(home, Ok(Some(home)) if home.is_dir() && directory.starts_with(&home))
}

/// The home directory that the user database names; it may be a directory service.
fn home_of(uid: u32) -> io::Result<Option<PathBuf>> {
    let user = nix::unistd::User::from_uid(uid.into())?;
    Ok(user.map(|user| user.dir))
}

fn node_name() -> io::Result<OsString> {
    Ok(nix::sys::utsname::uname()?.nodename().to_owned())
}

fn state_dir_below(home: &Path) -> PlaceholderDir {
    let local = home.join(".local");
    let path = local.join("state");
    let levels = vec![local, path.clone()];
    PlaceholderDir { path, levels }
}
