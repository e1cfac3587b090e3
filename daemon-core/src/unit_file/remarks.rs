//! What the unit, and the verb that prints it, tell their reader.

use std::fs;
use std::path::Path;

use nix::unistd::{User, geteuid};

use super::syntax::Lines;
use super::{Manager, UnitFile};
use crate::error::shown;
use crate::stdin::Stdin;

/// Where a user's units live on after the last session, see `loginctl(1)`.
const LINGER: &str = "/var/lib/systemd/linger";

impl UnitFile<'_> {
    /// The commands that take the place of the verbs.
    pub(super) fn head(&self) -> String {
        // For a shell.
        let name = &if self.name.contains('\\') {
            format!("'{}'", self.name)
        } else {
            self.name.clone()
        };
        let file = &self.name;
        let (systemctl, journalctl, directory) = match self.manager {
            Manager::System => ("systemctl", "journalctl -u", "/etc/systemd/system"),
            Manager::User => (
                "systemctl --user",
                "journalctl --user -u",
                "~/.config/systemd/user",
            ),
        };
        format!(
            "# {directory}/{file}.service\n\
             #\n\
             # at boot: {systemctl} daemon-reload && {systemctl} enable --now {name}\n\
             # status, start, stop, restart: {systemctl} status {name}, and so on\n\
             # reload: {systemctl} reload {name}, with ExecReload= below\n\
             # log: {journalctl} {name}\n"
        )
    }

    /// What the user of the verb should know.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let user = User::from_uid(geteuid()).ok().flatten();
        for (what, path) in [
            ("program", &self.program),
            ("working directory", &self.workdir),
        ] {
            let shown = shown(path);
            // Behind a symbolic link too.
            let target = fs::canonicalize(path);
            let ways = [Some(path), target.as_ref().ok()];
            let ways = || ways.into_iter().flatten();
            let is_below =
                |home: &Path| home != Path::new("/") && ways().any(|path| path.starts_with(home));
            let is_in_home = is_below(Path::new("/home"))
                || is_below(Path::new("/root"))
                || user.as_ref().is_some_and(|user| is_below(&user.dir));
            let mut parts = ways().flat_map(|path| path.components());
            if parts.any(|part| part.as_os_str() == "target") {
                warnings.push(format!(
                    "the {what} {shown} is in a directory of cargo; install it"
                ));
            } else if is_in_home && self.manager == Manager::System {
                warnings.push(format!("the {what} {shown} is in a home directory"));
            }
        }
        if !self.workdir.is_dir() {
            warnings.push(format!(
                "the working directory {} does not exist",
                shown(&self.workdir)
            ));
        }
        let is_locked = self.settings.lock_in_foreground.is_some();
        match &self.settings.user {
            Some(user) if is_locked && self.manager == Manager::System => {
                let user = shown(user.as_ref());
                warnings.push(format!(
                    "pid_in_foreground: the user {user} makes the PID file, and needs a directory for it"
                ));
            }
            _ => {}
        }
        if self.arguments.iter().any(|word| word.to_str().is_none()) {
            let text = "an argument is not UTF-8, so systemctl status cannot show the unit";
            warnings.push(text.to_owned());
        }
        let lingers = |user: &User| Path::new(LINGER).join(&user.name).exists();
        if self.manager == Manager::User && !user.as_ref().is_some_and(lingers) {
            let text = "the unit starts at the first login and ends with the last session; use \
                        loginctl enable-linger to run it from boot on";
            warnings.push(text.to_owned());
        }
        warnings
    }

    /// What the unit leaves to its reader.
    pub(super) fn add_remarks(&self, lines: &mut Lines) {
        for remark in [
            "ExecReload=kill -HUP $MAINPID",
            "NoNewPrivileges=yes",
            "PrivateTmp=yes",
            "ProtectSystem=full",
        ] {
            lines.add("# ", remark);
        }
        let settings = &self.settings;
        if let Some(root) = &self.chroot {
            let remark = format!("{}; see RootDirectory=", shown(root));
            lines.add("# not expressed: chroot ", &remark);
        }
        for (is_set, remark) in [
            (
                !settings.settings.keep_fds.is_empty(),
                "keep_fds; see Sockets=",
            ),
            (
                settings.env.clears(),
                "env_clear; systemd passes few variables",
            ),
            (
                settings.settings.restart_limit.is_some(),
                "restart_limit; see StartLimitBurst=",
            ),
            (
                settings.before_start.is_some(),
                "before_start; see ExecStartPre=",
            ),
            (settings.stdin == Stdin::Keep, "stdin; see StandardInput="),
        ] {
            if is_set {
                lines.add("# not expressed: ", remark);
            }
        }
    }
}
