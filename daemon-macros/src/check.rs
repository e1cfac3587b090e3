//! Rules between options, one function each.

use syn::LitStr;

use crate::diagnostics::{Diagnostics, mistake, shown};
use crate::option_table::{
    CONFIGURE, CONTROL_FLAG, Kind, LOG, LOG_FLAG, LOG_MODE, LOG_REOPEN, PID, PID_FLAG, PID_MODE,
    READY, READY_TIMEOUT, STOP_TIMEOUT,
};
use crate::options::Options;
use crate::value::Value;

pub(crate) fn check(options: &Options, diagnostics: &mut Diagnostics) {
    flags_are_distinct(options, diagnostics);
    pid_and_log_are_two_files(options, diagnostics);
    exec_waits_for_nothing(options, diagnostics);
    for need in NEEDS {
        need.check(options, diagnostics);
    }
}

/// Only one option can answer to a flag.
fn flags_are_distinct(options: &Options, diagnostics: &mut Diagnostics) {
    let mut taken: Vec<(String, &str)> = Vec::new();
    for setting in &options.settings {
        let flags: &[LitStr] = match (setting.option.kind, &setting.value) {
            (Kind::Flags, Some(Value::Texts(flags))) => flags,
            (Kind::Flag, Some(Value::Text(flag))) => std::slice::from_ref(flag),
            _ => continue,
        };
        for literal in flags {
            let flag = literal.value();
            if let Some((_, owner)) = taken.iter().find(|(other, _)| *other == flag) {
                let message = format!("flag `{}` is already the `{owner}`", shown(&flag));
                diagnostics.push(setting.place_of_value(), mistake(literal, message));
            }
            taken.push((flag, setting.option.name));
        }
    }
}

/// The log would overwrite the pid.
fn pid_and_log_are_two_files(options: &Options, diagnostics: &mut Diagnostics) {
    let (Some(pid), Some(log)) = (options.get(PID), options.get(LOG)) else {
        return;
    };
    if let (Some(Value::Text(pid)), Some(Value::Text(path))) = (&pid.value, &log.value) {
        if pid.value() == path.value() {
            let message = "`log` and `pid` name the same file";
            diagnostics.push(log.place_of_value(), mistake(path, message));
        }
    }
}

/// The kernel tells at once whether an exec succeeded.
fn exec_waits_for_nothing(options: &Options, diagnostics: &mut Diagnostics) {
    let (Some(ready), Some(timeout)) = (options.get(READY), options.get(READY_TIMEOUT)) else {
        return;
    };
    if matches!(&ready.value, Some(Value::Readiness(readiness)) if readiness == "exec") {
        let message = "`ready_timeout` has no effect with `ready = \"exec\"`";
        diagnostics.push(timeout.place_of_key(), mistake(&timeout.key, message));
    }
}

/// An option that does nothing without one of others. `configure` may supply any of them.
struct Need {
    option: &'static str,
    one_of: &'static [&'static str],
    message: &'static str,
}

const NEEDS: [Need; 5] = [
    Need {
        option: CONTROL_FLAG,
        one_of: &[PID, PID_FLAG],
        message: "`control_flag` needs a PID file; add `pid = \"...\"`",
    },
    Need {
        option: STOP_TIMEOUT,
        one_of: &[CONTROL_FLAG],
        message: "`stop_timeout` has no effect without `control_flag`",
    },
    Need {
        option: LOG_REOPEN,
        one_of: &[LOG, LOG_FLAG],
        message: "`log_reopen` needs a log file; add `log = \"...\"`",
    },
    Need {
        option: PID_MODE,
        one_of: &[PID, PID_FLAG],
        message: "`pid_mode` has no effect without `pid`",
    },
    Need {
        option: LOG_MODE,
        one_of: &[LOG, LOG_FLAG],
        message: "`log_mode` has no effect without `log`",
    },
];

impl Need {
    fn check(&self, options: &Options, diagnostics: &mut Diagnostics) {
        let Some(setting) = options.get(self.option) else {
            return;
        };
        let is_written = |name: &&str| options.get(name).is_some();
        if options.all_read && !self.one_of.iter().chain([&CONFIGURE]).any(is_written) {
            diagnostics.push(setting.place_of_key(), mistake(&setting.key, self.message));
        }
    }
}
