//! The systemd unit that runs this program, see `systemd.service(5)`: the verbs `unit` and `user-unit`.
//!
//! Under systemd the program runs in the foreground, so what the launcher does for a daemon stands in
//! the unit. It is printed; nothing is written, enabled or started.

mod arguments;
mod keys;
mod places;
mod remarks;
mod syntax;

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::daemon::Daemon;
use crate::error::{Error, ErrorKind, shown};
use crate::kill_mode::KillMode;
use crate::path_template::{self};
use crate::program_name;
use crate::settings::Object;
use crate::value_flags::Chosen;
use arguments::{add_foreground_flag, add_pid_flag, in_foreground};
use syntax::{Lines, is_program, is_raw_text, is_variable_name, quoted, raw, time_span, unit_name};

/// The manager that the unit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manager {
    System,
    User,
}

impl Daemon {
    /// The systemd unit that runs this program with this command line, or with [`args`](Self::args), as
    /// the verb `unit` prints it. The options of the builder become keys of the unit.
    ///
    /// Nothing is written, enabled or started. For a unit of the manager of a user there is
    /// [`user_unit`](Self::user_unit).
    ///
    /// # Errors
    ///
    /// [`Usage`](crate::ErrorKind::Usage): a value that no unit can hold, for example a control
    /// character in the working directory. Otherwise as the start.
    ///
    /// ```
    /// use daemon::Daemon;
    ///
    /// let unit = Daemon::new().user("www-data").args(["serve"]).unit()?;
    /// assert!(unit.contains("User=www-data"));
    /// # Ok::<(), daemon::Error>(())
    /// ```
    pub fn unit(&self) -> Result<String, Error> {
        self.unit_for(Manager::System)
    }

    /// As [`unit`](Self::unit), for the manager of this user: as the verb `user-unit` prints it.
    ///
    /// # Errors
    ///
    /// As [`unit`](Self::unit).
    ///
    /// ```
    /// let unit = daemon::Daemon::new().args(["serve"]).user_unit()?;
    /// assert!(unit.ends_with("WantedBy=default.target\n"));
    /// # Ok::<(), daemon::Error>(())
    /// ```
    pub fn user_unit(&self) -> Result<String, Error> {
        self.unit_for(Manager::User)
    }

    fn unit_for(&self, manager: Manager) -> Result<String, Error> {
        let arguments = env::args_os().collect();
        let mut settings = self.clone();
        settings.complete(Chosen::default())?;
        Ok(UnitFile::new(&mut settings, arguments, manager)?.to_text())
    }
}

/// A unit, with everything that it needs resolved.
#[derive(Debug)]
pub(crate) struct UnitFile<'a> {
    settings: &'a Daemon,
    manager: Manager,
    /// The name of the unit: of the program, and after an `@` of its instance.
    name: String,
    program: PathBuf,
    /// `argv[0]`, where the file of the program has another name.
    argv0: Option<OsString>,
    arguments: Vec<OsString>,
    workdir: PathBuf,
    chroot: Option<PathBuf>,
}

impl<'a> UnitFile<'a> {
    /// The unit for this command line of the program, without the words of this library.
    pub(crate) fn new(
        settings: &'a mut Daemon,
        arguments: Vec<OsString>,
        manager: Manager,
    ) -> Result<Self, Error> {
        let mut arguments = arguments.into_iter();
        let argv0 = arguments.next().unwrap_or_default();
        let mut arguments: Vec<_> = match settings.args.take() {
            Some(args) => in_foreground(settings, args)?,
            None => arguments.collect(),
        };
        add_foreground_flag(settings, &mut arguments);
        add_pid_flag(settings, &mut arguments);
        let program = places::program(&argv0);
        let program = program.map_err(|cause| Error::step("find this program", cause))?;
        let name_of = |path: &OsStr| Path::new(path).file_name().map(OsStr::to_owned);
        let is_renamed = name_of(&argv0) != name_of(program.as_os_str());
        let mut context = settings.path_context(&argv0);
        if manager == Manager::System {
            context.uid = 0;
        }
        let resolve = |object, source: &Option<_>| {
            let resolve = |source| path_template::resolve(object, source, &context);
            let resolved = source.as_ref().map(resolve).transpose()?;
            Ok::<_, Error>(resolved.map(|resolved| resolved.path))
        };
        let chroot = resolve(Object::Root, &settings.paths.chroot)?;
        // Inside the new root directory, which a program in the foreground does not have.
        let workdir = match chroot {
            None => resolve(Object::Workdir, &settings.paths.workdir)?,
            Some(_) => None,
        };
        let workdir = workdir.map_or_else(places::directory, Ok);
        let workdir = workdir.map_err(|cause| Error::step("find the working directory", cause))?;
        let name = program_name::in_argv0(&argv0).unwrap_or("program".as_ref());
        let mut name = unit_name(name.as_bytes());
        if let Some(instance) = settings.instance.as_deref().filter(|it| *it != "default") {
            // As systemd writes it. The name of a program has no `@` left, so no other has this one.
            name.push('@');
            name.push_str(instance);
        }
        // A symbolic link stays what it is.
        let has_parent = workdir
            .components()
            .any(|part| part == Component::ParentDir);
        let workdir = match fs::canonicalize(&workdir) {
            Ok(path) if has_parent => path,
            _ => workdir,
        };
        let unit = Self {
            name,
            argv0: is_renamed.then_some(argv0),
            settings,
            manager,
            program,
            arguments,
            workdir,
            chroot,
        };
        unit.check()?;
        Ok(unit)
    }

    /// Refuses what systemd reads in another way than it is written.
    fn check(&self) -> Result<(), Error> {
        if !is_program(self.program.as_os_str()) {
            let reason = "the path of the program has a quote, a backslash or a control character; \
                          install it under another name";
            return Err(refused(
                &format!("ExecStart={}", shown(&self.program)),
                reason,
            ));
        }
        let workdir = self.workdir.as_os_str();
        let mut parts = self.workdir.components();
        if !is_raw_text(workdir) || parts.any(|part| part == Component::ParentDir) {
            let reason = "it has `..`, a control character or one that is not UTF-8, or ends with a \
                          space or a backslash; use the option workdir";
            return Err(refused(
                &format!("WorkingDirectory={}", shown(&self.workdir)),
                reason,
            ));
        }
        for (key, value) in [
            ("User", &self.settings.user),
            ("Group", &self.settings.group),
        ] {
            let Some(value) = value else { continue };
            if !is_raw_text(value.as_ref()) {
                let key = format!("{key}={}", shown(value.as_ref()));
                return Err(refused(&key, "it has a control character"));
            }
        }
        for (name, value) in self.settings.env.resulting() {
            let key = value.map_or("UnsetEnvironment", |_| "Environment");
            let key = || format!("{key}={}", shown(name.as_ref()));
            if !is_variable_name(name) {
                return Err(refused(&key(), "a name has letters, digits and `_`"));
            }
            let Some(value) = value else { continue };
            let is_text = |value: &str| {
                !value
                    .chars()
                    .any(|it| it.is_control() && it != '\t' && it != '\n')
            };
            if !value.to_str().is_some_and(is_text) {
                let reason = "the value has a control character, or one that is not UTF-8";
                return Err(refused(&key(), reason));
            }
        }
        Ok(())
    }

    pub(crate) fn to_text(&self) -> String {
        let settings = &self.settings.settings;
        let mut lines = Lines::new(self.head());
        lines.add("\n[Unit]", "");
        lines.add("Description=", &self.description());
        if settings.restart.is_some() {
            lines.add("StartLimitIntervalSec=0", "");
        }
        lines.add("\n[Service]", "");
        // The mode is known by its name, since its constructor links the code of the mode.
        let is_notify = self.settings.readiness.to_string() == "notify";
        lines.add("Type=", if is_notify { "notify" } else { "exec" });
        lines.add("ExecStart=", &self.command());
        lines.add("WorkingDirectory=", &raw(self.workdir.as_os_str()));
        self.add_identity(&mut lines);
        self.add_sockets(&mut lines);
        if let Some(umask) = settings.umask {
            lines.add("UMask=", &format!("{umask:04o}"));
        }
        for (name, value) in self.settings.env.resulting() {
            match value {
                Some(value) => {
                    let assignment = [name.as_bytes(), b"=", value.as_bytes()].concat();
                    lines.add("Environment=", &quoted(&assignment));
                }
                None => lines.add("UnsetEnvironment=", &quoted(name.as_bytes())),
            }
        }
        if let (true, Some(timeout)) = (is_notify, settings.ready_timeout) {
            lines.add("TimeoutStartSec=", &time_span(timeout));
        }
        lines.add("KillSignal=", &settings.stop_signal.to_string());
        let kill_mode = match settings.kill_mode {
            KillMode::Mixed => "mixed",
            KillMode::Process => "process",
        };
        lines.add("KillMode=", kill_mode);
        lines.add("TimeoutStopSec=", &time_span(settings.stop_timeout));
        self.add_restarts(&mut lines);
        self.add_remarks(&mut lines);
        lines.add("\n[Install]", "");
        let target = match self.manager {
            Manager::System => "multi-user.target",
            Manager::User => "default.target",
        };
        lines.add("WantedBy=", target);
        lines.into_text()
    }
}

fn refused(key: &str, reason: &'static str) -> Error {
    Error::new(
        ErrorKind::Usage,
        format!("cannot write the key {key}"),
        reason,
    )
}
