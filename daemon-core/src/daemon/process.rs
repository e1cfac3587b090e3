//! What the daemon is as a process: directories, user, descriptors, environment.

use std::ffi::OsString;
#[cfg(unix)]
use std::os::fd::RawFd;

use super::Daemon;
use crate::listen_address::{self, ListenAddress};
use crate::option_check;
use crate::path_source::PathSource;
#[cfg(doc)]
use crate::readiness::Readiness;
use crate::stdin::Stdin;

/// A file descriptor. Descriptors stay open on Unix alone.
#[cfg(not(unix))]
type RawFd = i32;

impl Daemon {
    /// Sets the daemon's working directory. Default: the launcher's.
    ///
    /// With [`chroot`](Self::chroot) the path is inside the new root directory.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().workdir("/").enter();
    /// ```
    pub fn workdir(mut self, path: impl Into<PathSource>) -> Self {
        let path = path.into();
        self.check.note("workdir", path.complaint(false));
        self.paths.workdir = Some(path);
        self.capabilities.add_path();
        self
    }

    /// Sets the daemon's file mode creation mask, see `umask(2)`. Default: the launcher's.
    ///
    /// The range is `0o000` to `0o777`.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().umask(0o027).enter();
    /// ```
    pub fn umask(mut self, mask: u32) -> Self {
        self.check.note("umask", option_check::umask(mask));
        self.settings.umask = Some(mask);
        self
    }

    /// Sets the user that the daemon becomes: a name or a uid. Default: the launcher's.
    ///
    /// Only root can become another user. `HOME`, `USER` and `LOGNAME` follow.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().user("www-data").enter();
    /// ```
    pub fn user(mut self, user: impl Into<String>) -> Self {
        let user = user.into();
        self.check.note("user", option_check::account(&user));
        self.user = Some(user);
        self.capabilities.add_privileges();
        self
    }

    /// Sets the group of the daemon: a name or a gid. Default: the primary group of
    /// [`user`](Self::user), else the launcher's.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().user("www-data").group("adm").enter();
    /// ```
    pub fn group(mut self, group: impl Into<String>) -> Self {
        let group = group.into();
        self.check.note("group", option_check::account(&group));
        self.group = Some(group);
        self.capabilities.add_privileges();
        self
    }

    /// Sets the daemon's root directory, see `chroot(2)`. Default: the launcher's.
    ///
    /// Only root can change it. A daemon that stays root can leave it: set [`user`](Self::user) too.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().chroot("/srv/hello").user("www-data").enter();
    /// ```
    pub fn chroot(mut self, path: impl Into<PathSource>) -> Self {
        let path = path.into();
        self.check.note("chroot", path.complaint(false));
        self.paths.chroot = Some(path);
        self.capabilities.add_chroot();
        self
    }

    /// Keeps descriptors of the launcher open in the daemon, under the same fds. Default: none.
    ///
    /// They are 3 or above. An fd that is not open is ignored. An empty list keeps none, so that
    /// [`configure`](Self::configure) can take back what was set before.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().keep_fds([3]).enter();
    /// ```
    pub fn keep_fds(mut self, fds: impl IntoIterator<Item = RawFd>) -> Self {
        let fds: Vec<RawFd> = fds.into_iter().collect();
        self.check.note("keep_fds", option_check::keep_fds(&fds));
        self.settings.keep_fds = fds;
        self
    }

    /// Binds a socket in the launcher, before it gives up its rights, and hands it over to the
    /// daemon under this name. Default: none. Each call adds one, in the place of an earlier one
    /// with the same name.
    ///
    /// The daemon takes it with [`listener`](crate::listener) or
    /// [`unix_listener`](crate::unix_listener). So a daemon with [`user`](Self::user) can have port
    /// 80, a taken port is an error of the start, and with [`restart`](Self::restart) clients wait
    /// while the daemon is started again. The file of a Unix socket belongs to the user of the
    /// daemon; its path is outside the [`chroot`](Self::chroot), and what an earlier daemon has
    /// left there is removed.
    ///
    /// The name is 1 to 255 printable ASCII characters without `:` and `=`. With
    /// [`Readiness::listening`] or one of its own addresses the start fails with an error of the kind
    /// [`Configuration`](crate::ErrorKind::Configuration): the socket listens before the program runs, so
    /// only [`Readiness::notify`] tells more. In the foreground `listen` has no effect.
    ///
    /// ```no_run
    /// use daemon::{Daemon, Readiness};
    ///
    /// let daemon = Daemon::new().user("www-data").ready(Readiness::notify());
    /// let _daemon = daemon.listen("http", "0.0.0.0:80").enter();
    /// let listener = daemon::listener("http", "0.0.0.0:80")?;
    /// daemon::ready();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn listen(mut self, name: impl Into<String>, address: impl Into<ListenAddress>) -> Self {
        let name = name.into();
        self.listen.retain(|(other, _)| *other != name);
        self.listen.push((name, address.into()));
        let problem = listen_address::problem(&self.listen);
        self.check.note("listen", problem);
        self.capabilities.add_listen();
        self
    }

    /// Removes these variables from the environment of the daemon. Default: none.
    ///
    /// This and the other two methods change the environment in the order of their calls, like those
    /// of [`std::process::Command`]. A name is not empty and contains no `=`.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().env_remove(["GIT_DIR", "MAKEFLAGS"]).enter();
    /// ```
    pub fn env_remove<N: Into<OsString>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        let names: Vec<OsString> = names.into_iter().map(Into::into).collect();
        self.check
            .note_also("env_remove", option_check::variables(&names));
        for name in names {
            self.env.set(name, None);
        }
        self
    }

    /// Sets a variable in the environment of the daemon. Default: none.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().env("RUST_BACKTRACE", "1").enter();
    /// ```
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        let (name, value) = (name.into(), value.into());
        let complaint = option_check::variable(&name).or(option_check::variable_value(&value));
        self.check.note_also("env", complaint.map(str::to_owned));
        self.env.set(name, Some(value));
        self
    }

    /// Removes all variables from the environment of the daemon, also `LISTEN_FDS` and others that a
    /// service manager has set, and those that [`env`](Self::env) has set before. Default: none is
    /// removed.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().env_clear().env("PATH", "/usr/bin:/bin").enter();
    /// ```
    pub fn env_clear(mut self) -> Self {
        self.env.clear();
        self.check.note("env", None);
        self.check.note("env_remove", None);
        self
    }

    /// Sets the standard input of the daemon. Default: [`Stdin::Null`].
    ///
    /// ```
    /// use daemon::{Daemon, Stdin};
    ///
    /// let _daemon = Daemon::new().stdin(Stdin::Keep).enter();
    /// ```
    pub fn stdin(mut self, stdin: Stdin) -> Self {
        self.stdin = stdin;
        self
    }
}
