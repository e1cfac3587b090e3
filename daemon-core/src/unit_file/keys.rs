//! The keys of the unit that have more than one word.

use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use super::syntax::{Lines, quoted, raw, time_span};
use super::{Manager, UnitFile};
use crate::error::escaped;
use crate::restart::Restart;
use crate::signal::Signal;

/// What more of a command line does not help to recognise.
const DESCRIPTION_MAX: usize = 200;

impl UnitFile<'_> {
    /// The program and its arguments in one line.
    pub(super) fn description(&self) -> String {
        let mut words = vec![self.name.clone()];
        let arguments = self.arguments.iter();
        words.extend(arguments.map(|word| word.to_string_lossy().into_owned()));
        let words = words.join(" ");
        let text: String = escaped(&words).chars().take(DESCRIPTION_MAX).collect();
        // A backslash at the end of a line joins the next one to it.
        raw(text.trim_end_matches(['\\', ' ']).as_ref())
    }

    pub(super) fn command(&self) -> String {
        // `:` keeps `$` as it is, and `@` is for another `argv[0]`.
        let mut words = vec![quoted(self.program.as_os_str().as_bytes())];
        for word in self.argv0.iter().chain(&self.arguments) {
            words.push(quoted(word.as_bytes()));
        }
        let prefix = if self.argv0.is_some() { ":@" } else { ":" };
        format!("{prefix}{}", words.join(" "))
    }

    pub(super) fn add_identity(&self, lines: &mut Lines) {
        let is_of_user = self.manager == Manager::User;
        for (key, name) in [
            ("User=", &self.settings.user),
            ("Group=", &self.settings.group),
        ] {
            let Some(name) = name else { continue };
            let name = raw(name.as_ref());
            if is_of_user {
                // The manager of a user cannot become another.
                lines.add("# ignored in a user's unit: ", &[key, &name].concat());
            } else {
                lines.add(key, &name);
            }
        }
    }

    /// The program binds the sockets of `listen` itself. systemd keeps them over a restart.
    pub(super) fn add_sockets(&self, lines: &mut Lines) {
        let sockets = &self.settings.listen;
        if sockets.is_empty() {
            return;
        }
        let needs_root = sockets.iter().any(|(_, address)| address.needs_root());
        lines.add("FileDescriptorStoreMax=", &sockets.len().to_string());
        match self.manager {
            Manager::System if needs_root && self.settings.user.is_some() => {
                lines.add("AmbientCapabilities=CAP_NET_BIND_SERVICE", "");
            }
            Manager::User if needs_root => {
                let remark = "a port below 1024 is for root; use a higher one";
                lines.add("# ", remark);
            }
            _ => {}
        }
    }

    pub(super) fn add_restarts(&self, lines: &mut Lines) {
        let settings = &self.settings.settings;
        let Some(restart) = settings.restart else {
            return;
        };
        let (first, longest) = (settings.restart_delay, settings.restart_delay_max);
        match restart {
            Restart::OnFailure => {
                lines.add("Restart=on-failure", "");
                lines.add("RestartPreventExitStatus=64 78", "");
                lines.add("SuccessExitStatus=", &intended_ends(settings.stop_signal));
            }
            Restart::Always => lines.add("Restart=always", ""),
        }
        lines.add("RestartSec=", &time_span(first));
        if first < longest {
            // Each step at most doubles the delay.
            let mut steps: u32 = 1;
            let mut delay = first.max(Duration::from_millis(1));
            while delay.saturating_mul(2) < longest {
                delay = delay.saturating_mul(2);
                steps += 1;
            }
            lines.add("# The next two keys need systemd 254.", "");
            lines.add("RestartSteps=", &steps.to_string());
            lines.add("RestartMaxDelaySec=", &time_span(longest));
        }
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
