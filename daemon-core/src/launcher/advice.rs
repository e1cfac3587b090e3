//! Surroundings in which a start in the background is likely to be a mistake, but may be meant.

use std::env;

use super::{LaunchConfig, refusals};
use crate::error::warning;
use crate::trust;

/// What to tell the user of a start that has succeeded.
pub(super) fn of(config: &LaunchConfig) -> Vec<String> {
    let mut advice = Vec::new();
    if env::var_os("SUPERVISOR_ENABLED").is_some() {
        advice.push(warning::under_supervisord().to_owned());
    }
    // Every type of unit looks the same from here. `Type=forking` is right, and has a PID file.
    if refusals::is_started_by_systemd() && config.pid_file.is_none() {
        advice.push(warning::under_systemd().to_owned());
    }
    // Whoever can replace the program is root as soon as root starts it again.
    let program = config
        .identity
        .as_ref()
        .and_then(|_| env::current_exe().ok());
    if let (Some(identity), Some(program)) = (&config.identity, program) {
        if trust::can_be_replaced(&program, identity) {
            advice.push(warning::replaceable_program(&program, identity));
        }
    }
    advice
}
