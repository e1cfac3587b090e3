//! Rules between options, one function each.

use proc_macro2::{TokenStream, TokenTree};
use syn::LitStr;

use crate::diagnostics::{Diagnostics, mistake, shown};
use crate::option_table::{
    CONFIGURE, CONTROL_FLAG, LOG, LOG_FLAG, LOG_MODE, LOG_REOPEN, PID, PID_FLAG, PID_MODE, READY,
    READY_TIMEOUT, STOP_TIMEOUT,
};
use crate::options::Options;

pub(crate) fn check(options: &Options, diagnostics: &mut Diagnostics) {
    flags_are_distinct(options, diagnostics);
    pid_and_log_differ(options, diagnostics);
    exec_has_no_timeout(options, diagnostics);
    for need in NEEDS {
        need.check(options, diagnostics);
    }
}

/// Two options cannot have one flag.
fn flags_are_distinct(options: &Options, diagnostics: &mut Diagnostics) {
    let mut taken: Vec<(String, &str)> = Vec::new();
    for setting in &options.settings {
        let name = setting.option.name;
        let Some(argument) = setting.argument.clone().filter(|_| name.ends_with("_flag")) else {
            continue;
        };
        for flag in string_literals(argument) {
            let flag = flag.value();
            if let Some((_, owner)) = taken.iter().find(|(other, _)| *other == flag) {
                let message = format!("flag `{}` is already the `{owner}`", shown(&flag));
                // What the user wrote; `--background` may not be there.
                let mut written = string_literals(setting.tokens.iter().cloned().collect());
                written.retain(|literal| literal.value() == flag);
                let mistake = match written.pop() {
                    Some(literal) => mistake(literal, message),
                    None => mistake(&setting.key, message),
                };
                diagnostics.push(setting.position, mistake);
            }
            taken.push((flag, name));
        }
    }
}

/// One string, or the strings of an array.
fn string_literals(argument: TokenStream) -> Vec<LitStr> {
    let literals = argument.into_iter().flat_map(|token| match token {
        TokenTree::Group(array) => string_literals(array.stream()),
        literal => syn::parse2(literal.into()).into_iter().collect(),
    });
    literals.collect()
}

/// The log would overwrite the pid.
fn pid_and_log_differ(options: &Options, diagnostics: &mut Diagnostics) {
    let literal = |name| options.get(name)?.literal();
    let (Some(pid), Some(log)) = (literal(PID), literal(LOG)) else {
        return;
    };
    if let (true, Some(setting)) = (pid.value() == log.value(), options.get(LOG)) {
        let message = "`log` and `pid` name the same file";
        diagnostics.push(setting.position, mistake(log, message));
    }
}

/// The launcher learns at once whether an exec succeeded.
fn exec_has_no_timeout(options: &Options, diagnostics: &mut Diagnostics) {
    let (Some(ready), Some(timeout)) = (options.get(READY), options.get(READY_TIMEOUT)) else {
        return;
    };
    if ready.literal().is_some_and(|ready| ready.value() == "exec") {
        let message = "`ready_timeout` has no effect with `ready = \"exec\"`";
        diagnostics.push(timeout.position, mistake(&timeout.key, message));
    }
}

/// An option that does nothing without one of others. `configure` may set any of them.
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
            diagnostics.push(setting.position, mistake(&setting.key, self.message));
        }
    }
}
