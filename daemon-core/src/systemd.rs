//! systemd, as far as it concerns a start: the unit of a process and the type of that unit.

use std::env;
use std::fs;
use std::time::Duration;

use nix::unistd::{Pid, getpid, getppid};

use crate::number;
use crate::readiness::notify::NOTIFY_SOCKET;
use crate::sys::{self, process};

/// A manager that is busy answers later than this, and then the type counts as unknown.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// The variable in which systemd names the process that it executes, see `systemd.exec(5)`.
pub(crate) const EXEC_PID: &str = "SYSTEMD_EXEC_PID";

/// Whether systemd started this very process, and not one of its ancestors.
pub(crate) fn started_this_process() -> bool {
    match env::var_os(EXEC_PID) {
        Some(pid) => pid.to_str() == Some(&format!("{}", getpid())),
        // systemd before version 248 does not set it.
        None => {
            env::var_os(NOTIFY_SOCKET).is_some()
                && process::name_of(getppid()).is_some_and(|name| name == "systemd")
        }
    }
}

/// Whether process 1 is systemd, see `sd_booted(3)`.
pub(crate) fn is_process_one() -> bool {
    fs::symlink_metadata("/run/systemd/system").is_ok_and(|it| it.is_dir())
}

/// The unit whose main process is this daemon.
///
/// Where systemd started the launcher of it, the launcher has put the daemon's pid into the variable.
/// Otherwise the manager is asked: before version 248 there is no variable, and a unit may start the
/// launcher by a script.
pub(crate) fn unit_run_by(daemon: Pid) -> Option<Unit> {
    let environment = process::words_of(daemon, "environ").ok();
    let stamp = format!("{EXEC_PID}={daemon}");
    let mut entries = environment
        .iter()
        .flat_map(|it| it.split(|byte| *byte == 0));
    let is_stamped = entries.any(|entry| entry == stamp.as_bytes());
    Unit::of(daemon).filter(|unit| is_stamped || unit.main_process() == Some(daemon))
}

/// A unit of the system's manager or of a user's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    name: String,
    is_of_user: bool,
}

impl Unit {
    /// The unit whose control group a process is in, see `cgroups(7)`.
    pub(crate) fn of(pid: Pid) -> Option<Self> {
        let groups = sys::read::text(&process::directory(pid).ok()?.join("cgroup")).ok()?;
        Self::in_groups(&groups)
    }

    /// Uses the hierarchy `name=systemd` if it exists, otherwise that of cgroup version 2.
    fn in_groups(groups: &str) -> Option<Self> {
        let in_hierarchy = |name: &str| {
            let path = |line: &str| -> Option<String> {
                let (_, rest) = line.split_once(':')?;
                let path = rest.strip_prefix(name)?.strip_prefix(':')?;
                Some(path.to_owned())
            };
            Self::at(&groups.lines().find_map(path)?)
        };
        in_hierarchy("name=systemd").or_else(|| in_hierarchy(""))
    }

    /// A unit may have groups below its own, and the units of a user are below the user's manager.
    fn at(path: &str) -> Option<Self> {
        let mut services = path.split('/').filter(|name| name.ends_with(".service"));
        let name = services.next_back()?;
        Some(Self {
            // A name that the kernel could take for a file of the group begins with an underscore.
            name: name.strip_prefix('_').unwrap_or(name).to_owned(),
            is_of_user: services.any(|name| name.starts_with("user@")),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The command that restarts it.
    pub(crate) fn restart_command(&self) -> String {
        let manager = if self.is_of_user { "--user " } else { "" };
        format!("systemctl {manager}restart {}", self.name)
    }

    /// The `Type=` of the unit, see `systemd.service(5)`; nothing if the manager does not say. The
    /// second value is whether the unit stays active without a process, by `RemainAfterExit=`.
    pub(crate) fn kind(&self) -> Option<(String, bool)> {
        let answer = self.properties("Type,RemainAfterExit")?;
        let kind = answer.lines().find_map(|line| line.strip_prefix("Type="));
        let kind = kind.filter(|kind| !kind.is_empty())?;
        let remains = answer.lines().any(|line| line == "RemainAfterExit=yes");
        Some((kind.to_owned(), remains))
    }

    /// The process that the manager takes for the main one, if it says.
    fn main_process(&self) -> Option<Pid> {
        let answer = self.properties("MainPID")?;
        let pid = answer
            .lines()
            .find_map(|line| line.strip_prefix("MainPID="))?;
        number::parse(pid, 10)
            .filter(|pid| *pid > 0)
            .map(Pid::from_raw)
    }

    fn properties(&self, names: &str) -> Option<String> {
        let manager = if self.is_of_user {
            "--user"
        } else {
            "--system"
        };
        let properties = format!("--property={names}");
        // The user that a control group is given to chooses names in it, which could be options.
        let arguments = [manager, "show", &properties, "--", &self.name];
        let answer = sys::command::output("systemctl", &arguments, ANSWER_TIMEOUT)?;
        String::from_utf8(answer).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Unit;

    #[track_caller]
    fn expect(groups: &str, unit: Option<(&str, bool)>) {
        let found = Unit::in_groups(groups);
        let found = found.as_ref().map(|unit| (unit.name(), unit.is_of_user));
        assert_eq!(found, unit);
    }

    #[test]
    fn unit_is_read_from_either_hierarchy() {
        let unit = Some(("hello.service", false));
        expect("0::/system.slice/hello.service\n", unit);
        let both = "4:pids:/x.service\n1:name=systemd:/system.slice/hello.service\n0::/\n";
        expect(both, unit);
        expect("0::/system.slice/hello.service/below\n", unit);
        // A container of a system that has both, which itself has one.
        expect("1:name=systemd:/\n0::/system.slice/hello.service\n", unit);
    }

    #[test]
    fn unit_of_a_user_belongs_to_the_manager_of_that_user() {
        let path = "/user.slice/user-1000.slice/user@1000.service/app.slice/hello.service";
        expect(&format!("0::{path}\n"), Some(("hello.service", true)));
    }

    #[test]
    fn escaped_unit_name_is_unescaped() {
        let unit = Some(("cgroup.service", false));
        expect("0::/system.slice/_cgroup.service\n", unit);
    }

    #[test]
    fn login_session_is_no_unit() {
        expect("0::/user.slice/user-0.slice/session-1.scope\n", None);
        expect("0::/\n", None);
        expect("", None);
    }
}
