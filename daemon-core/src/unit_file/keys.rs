//! The keys of the unit that have more than one word.

use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use super::syntax::{quoted, raw, time_span};
use super::{Manager, UnitFile};
use crate::error::escape;
use crate::restart::Restart;
use crate::signal::Signal;

/// What more of a command line does not help to recognise.
const DESCRIPTION_MAX: usize = 200;

impl UnitFile {
    /// The program and its arguments in one line.
    pub(super) fn description(&self) -> String {
        let mut words = vec![self.name.clone()];
        let arguments = self.arguments.iter();
        words.extend(arguments.map(|word| word.to_string_lossy().into_owned()));
        let words = words.join(" ");
        let text: String = words
            .chars()
            .flat_map(escape)
            .take(DESCRIPTION_MAX)
            .collect();
        // A backslash at the end of a line joins the next one to it.
        raw(text.trim_end_matches(['\\', ' ']).as_ref())
    }

    pub(super) fn command(&self) -> String {
        // `:` keeps `$` as it is, and `@` is for another `argv[0]`.
        let mut words = vec![quoted(self.program.as_os_str().as_bytes())];
        words.extend(
            self.argv0
                .iter()
                .chain(&self.arguments)
                .map(|word| quoted(word.as_bytes())),
        );
        let prefix = if self.argv0.is_some() { ":@" } else { ":" };
        format!("{prefix}{}", words.join(" "))
    }

    pub(super) fn identity(&self) -> Vec<String> {
        let named = [
            ("User", &self.settings.user),
            ("Group", &self.settings.group),
        ];
        let named = named
            .into_iter()
            .filter_map(|(key, name)| Some((key, name.as_ref()?)));
        // The manager of a user cannot become another.
        let comment = if self.manager == Manager::User {
            "# ignored in a user's unit: "
        } else {
            ""
        };
        named
            .map(|(key, name)| format!("{comment}{key}={}", raw(name.as_ref())))
            .collect()
    }

    /// The program binds the sockets of `listen` itself. systemd keeps them over a restart.
    pub(super) fn sockets(&self) -> Vec<String> {
        let sockets = &self.settings.listen;
        if sockets.is_empty() {
            return Vec::new();
        }
        let needs_root = sockets.iter().any(|(_, address)| address.needs_root());
        let mut lines = vec![format!("FileDescriptorStoreMax={}", sockets.len())];
        match self.manager {
            Manager::System if needs_root && self.settings.user.is_some() => {
                lines.push("AmbientCapabilities=CAP_NET_BIND_SERVICE".to_owned());
            }
            Manager::User if needs_root => {
                lines.push("# a port below 1024 is not for a user; use a higher one".to_owned());
            }
            _ => {}
        }
        lines
    }

    pub(super) fn restarts(&self) -> Vec<String> {
        let settings = &self.settings.settings;
        let Some(restart) = settings.restart else {
            return Vec::new();
        };
        let (first, longest) = (settings.restart_delay, settings.restart_delay_max);
        let mut lines = match restart {
            Restart::OnFailure => vec![
                "Restart=on-failure".to_owned(),
                "RestartPreventExitStatus=64 78".to_owned(),
                format!("SuccessExitStatus={}", intended_ends(settings.stop_signal)),
            ],
            Restart::Always => vec!["Restart=always".to_owned()],
        };
        lines.push(format!("RestartSec={}", time_span(first)));
        if first < longest {
            // Each step at most doubles the delay.
            let mut steps = 1;
            let mut delay = first.max(Duration::from_millis(1));
            while delay.saturating_mul(2) < longest {
                delay = delay.saturating_mul(2);
                steps += 1;
            }
            lines.push("# The next two keys need systemd 254.".to_owned());
            lines.push(format!("RestartSteps={steps}"));
            lines.push(format!("RestartMaxDelaySec={}", time_span(longest)));
        }
        lines
    }
}

/// The intended ends that systemd takes for failures: the statuses 128 + N of a program that handles
/// the signal, and the stop signal. SIGHUP, SIGINT and SIGTERM themselves are clean for it.
fn intended_ends(stop_signal: Signal) -> String {
    let clean = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM];
    let mut ends: Vec<String> = clean.iter().map(|it| status_of(*it)).collect();
    if !clean.contains(&stop_signal) {
        ends.push(status_of(stop_signal));
        ends.extend(stop_signal.name().map(str::to_owned));
    }
    ends.join(" ")
}

fn status_of(signal: Signal) -> String {
    (128 + signal.as_raw()).to_string()
}
