//! From the settings of the builder to the configuration of a launch.

use std::ffi::{OsStr, OsString};
use std::mem;

use crate::capabilities::Listens;
use crate::command_line::Chosen;
use crate::daemon::{Configure, Daemon};
use crate::error::{Error, ErrorKind};
use crate::handoff::Record;
use crate::identity::Identity;
use crate::launcher::{LaunchConfig, failure};
use crate::path_source::PathSource;
use crate::path_template::PathContext;
use crate::readiness::Readiness;
use crate::settings::Object;
use crate::sys;

const LISTENS_EARLY: &str =
    "a socket of `listen` is listening before the program runs; use `notify`";

impl Daemon {
    /// Sets a function that changes the settings at run time; its result is used. Default: none.
    ///
    /// It is called in the launcher and for the control verbs only, with the final settings.
    ///
    /// ```
    /// use daemon::Daemon;
    ///
    /// fn adjust(daemon: Daemon) -> Daemon {
    ///     match std::env::var_os("HELLO_LOG") {
    ///         Some(path) => daemon.log(path),
    ///         None => daemon,
    ///     }
    /// }
    ///
    /// let _daemon = Daemon::new().log("/var/log/hello.log").configure(adjust).enter();
    /// ```
    pub fn configure(mut self, configure: fn(Self) -> Self) -> Self {
        self.configure = Some((call, configure));
        self.capabilities.add_daemon_side();
        self
    }

    /// Completes the settings: by `configure`, and then by what the user of the program chose.
    pub(crate) fn complete(&mut self, chosen: Chosen) -> Result<(), Error> {
        match self.configure.take() {
            Some((call, function)) => call(self, function)?,
            None => self.check.note_needs(),
        }
        self.choose(chosen);
        if let Some(listens) = self.capabilities.listen {
            let mut places = self.listen.iter().map(|(_, address)| &address.0);
            let is_early = (listens.meet)(&self.readiness, &mut places);
            let complaint = is_early.then(|| LISTENS_EARLY.to_owned());
            self.check.note_also("ready", complaint);
        }
        self.check.result()?;
        // A program with `configure` has the code of every option.
        let rotates = self.settings.log_rotate.is_some() && !self.log_is_chosen;
        let rotation = self.capabilities.log_rotation.filter(|_| rotates);
        let log = self.paths.log.as_ref().zip(self.instance.as_deref());
        if let Some((rotation, (log, instance))) = rotation.zip(log) {
            (rotation.refuse_shared_log)(log, instance)?;
        }
        Ok(())
    }

    /// Takes what the user of the program chose.
    pub(crate) fn choose(&mut self, chosen: Chosen) {
        if let Some(path) = chosen.pid_file {
            self.paths.pid = Some(PathSource::from(path.clone()));
            self.chosen_pid_file = Some(path);
        }
        if let Some(path) = chosen.log_file {
            // The verb `restart` goes to the directory of the daemon.
            let path = std::path::absolute(&path).unwrap_or(path);
            self.paths.log = Some(PathSource::from(path));
            self.log_is_chosen = true;
        }
        if chosen.ready_timeout.is_some() {
            self.settings.ready_timeout = chosen.ready_timeout;
        }
        if chosen.instance.is_some() {
            self.instance = chosen.instance;
        }
    }

    /// What the placeholders of its paths stand for.
    pub(crate) fn path_context(&self, argv0: &OsStr) -> PathContext {
        let mut context = PathContext::of_this_process(argv0, !sys::image::is_secure());
        context.instance.clone_from(&self.instance);
        context
    }

    /// The user that the daemon becomes, if it is another one.
    pub(crate) fn identity(&self) -> Result<Option<Identity>, Error> {
        if self.user.is_none() && self.group.is_none() {
            return Ok(None);
        }
        let privileges = self.capabilities.privileges;
        let look_up = privileges.ok_or_else(failure::missing_capability)?.look_up;
        look_up(self.user.as_deref(), self.group.as_deref())
    }

    /// Moves the settings into the configuration of a launch.
    pub(crate) fn take_config(
        &mut self,
        mut arguments: Vec<OsString>,
    ) -> Result<LaunchConfig, Error> {
        self.settings.identity = self.identity()?;
        if let Some(args) = self.args.take() {
            arguments.truncate(1);
            arguments.extend(args);
        }
        let argv0 = arguments.first().map(OsString::as_os_str);
        let mut context = self.path_context(argv0.unwrap_or_default());
        // Outside the new root directory, where the launcher binds them.
        let listens = self.capabilities.listen;
        let sockets = listens.map(|it| (it.resolve)(mem::take(&mut self.listen), &context));
        let sockets = sockets.transpose()?.unwrap_or_default();
        let mut directories = Vec::new();
        let paths = self.paths.try_map(&mut |object, source| {
            let resolve = self.capabilities.resolve_path;
            let resolve = resolve.ok_or_else(failure::missing_capability)?;
            let resolved = resolve(object, source, &context)?;
            // The launcher creates neither the new root directory nor a directory inside of it.
            let is_inside = object == Object::Workdir && self.paths.chroot.is_some();
            if object == Object::Root {
                context.enter_new_root();
            } else if !is_inside {
                directories.extend(resolved.directories);
            }
            Ok(resolved.path)
        })?;
        directories.extend(sockets.directories);
        // Not the default, which would be linked then.
        let readiness = mem::replace(&mut self.readiness, Readiness::exec());
        let readiness = readiness.resolve(&context)?;
        // Two texts may be the same path once their placeholders are filled in.
        let is_early = |listens: &Listens| (listens.meet)(&readiness, &mut sockets.places.iter());
        if listens.is_some_and(is_early) {
            let what = "cannot use the option `ready`";
            return Err(Error::new(ErrorKind::Configuration, what, LISTENS_EARLY));
        }
        self.settings.listen = sockets.listen;
        let settings = mem::take(&mut self.settings);
        Ok(LaunchConfig {
            arguments,
            record: Record {
                paths,
                settings,
                ..Record::default()
            },
            directories,
            readiness,
            before_start: self.before_start.take(),
            capabilities: self.capabilities,
            env: mem::take(&mut self.env),
            stdin: self.stdin,
            is_for_client: false,
            supervision: self.supervision,
        })
    }
}

/// Calls the function of `configure`.
fn call(settings: &mut Daemon, configure: Configure) -> Result<(), Error> {
    let installed = settings.capabilities;
    let has_supervision = settings.supervision.is_some();
    *settings = configure(mem::take(settings));
    settings.capabilities.merge(installed);
    // The supervisor does not call it.
    if settings.supervision.is_some() && !has_supervision {
        return Err(failure::restart_set_too_late());
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests {
    use super::*;
    use crate::listen_address::ListenAddress;
    use crate::path_source::PathSource;

    #[test]
    fn relative_socket_is_outside_the_new_root_directory() {
        let mut daemon = Daemon::new().chroot("/srv").listen("a", "unix:a.sock");
        let config = daemon.take_config(vec!["hello".into()]).unwrap();
        let mut address = OsString::from("unix:");
        address.push(std::env::current_dir().unwrap().join("a.sock"));
        assert_eq!(config.record.settings.listen[0].address, address);
    }

    #[test]
    fn socket_that_is_a_sign_by_its_placeholders_is_refused() {
        let path = PathSource::template("/run/{name}.sock");
        let daemon = Daemon::new().listen("a", ListenAddress::unix(path));
        let ready = Readiness::unix("/run/hello.sock");
        let refused = daemon.ready(ready).take_config(vec!["hello".into()]);
        let error = refused.map(|_| ()).unwrap_err();
        assert_eq!(error.exit_status(), 78);
        assert!(error.to_string().contains(LISTENS_EARLY), "{error}");
    }
}
