//! Rules between options, one function each.

use proc_macro2::{TokenStream, TokenTree};
use syn::LitStr;

use crate::diagnostics::{Diagnostics, mistake, shown};
use crate::option_table::{
    BACKGROUND_FLAG, CONFIGURE, CONTROL_FLAG, CONTROL_SUBCOMMANDS, FOREGROUND_FLAG, INSTANCE_FLAG,
    LISTEN, LOG, LOG_FLAG, LOG_KEEP, LOG_MODE, LOG_REOPEN, LOG_ROTATE, PID, PID_FLAG,
    PID_IN_FOREGROUND, PID_MODE, READY, RESTART, RESTART_DELAY, RESTART_LIMIT, STOP_TIMEOUT,
};
use crate::options::{Options, Setting};
use crate::value;

pub(crate) fn check(options: &Options, diagnostics: &mut Diagnostics) {
    flags_are_distinct(options, diagnostics);
    pid_and_log_differ(options, diagnostics);
    instance_has_its_flag(options, diagnostics);
    sockets_are_not_waited_for(options, diagnostics);
    rotated_log_has_one_daemon(options, diagnostics);
    for pair in EXCLUSIVE {
        exclude_each_other(pair, options, diagnostics);
    }
    options_have_what_they_need(options, diagnostics);
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

/// Without the flag there is no instance to put into a path.
fn instance_has_its_flag(options: &Options, diagnostics: &mut Diagnostics) {
    if !options.all_read || options.get(INSTANCE_FLAG).is_some() {
        return;
    }
    for setting in &options.settings {
        let written = string_literals(setting.tokens.iter().cloned().collect());
        if let Some(literal) = written.into_iter().find(names_instance) {
            let message = "`{instance}` needs `instance_flag = \"--name\"`";
            diagnostics.push(setting.position, mistake(literal, message));
        }
    }
}

/// A socket that the launcher binds listens before the program runs.
fn sockets_are_not_waited_for(options: &Options, diagnostics: &mut Diagnostics) {
    let (Some(ready), Some(listen)) = (options.get(READY), options.get(LISTEN)) else {
        return;
    };
    let written = |setting: &Setting| string_literals(setting.tokens.iter().cloned().collect());
    let addresses: Vec<_> = written(listen).iter().filter_map(value::address).collect();
    for literal in written(ready) {
        let condition = literal.value();
        if condition == "listening" || addresses.contains(&condition) {
            let message = "a socket of `listen` is listening before the program runs; use \
                           `ready = \"notify\"`";
            diagnostics.push(ready.position, mistake(literal, message));
        }
    }
}

fn names_instance(path: &LitStr) -> bool {
    path.value().replace("{{", "").contains("{instance}")
}

/// A rotation tells only one of the daemons that write to a log.
fn rotated_log_has_one_daemon(options: &Options, diagnostics: &mut Diagnostics) {
    if options.get(INSTANCE_FLAG).is_none() || options.get(LOG_ROTATE).is_none() {
        return;
    }
    let Some(setting) = options.get(LOG) else {
        return;
    };
    if let Some(log) = setting.literal().filter(|log| !names_instance(log)) {
        let message = "`log_rotate` with `instance_flag` needs `{instance}` in `log`";
        diagnostics.push(setting.position, mistake(log, message));
    }
}

/// Options of which a program has one at most.
pub(crate) const EXCLUSIVE: [[&str; 2]; 2] = [
    [FOREGROUND_FLAG, BACKGROUND_FLAG],
    [CONTROL_SUBCOMMANDS, CONTROL_FLAG],
];

fn exclude_each_other(pair: [&str; 2], options: &Options, diagnostics: &mut Diagnostics) {
    let settings = options.settings.iter();
    let mut both = settings.filter(|setting| pair.contains(&setting.option.name));
    if let Some(second) = both.nth(1) {
        let [one, other] = pair;
        let message = format!("options `{one}` and `{other}` cannot be combined");
        diagnostics.push(second.position, mistake(&second.key, message));
    }
}

const NEEDS_PID: &str = "needs a PID file; add `pid = \"...\"`";
const NEEDS_RESTART: &str = "needs `restart = \"on-failure\"`";
const NEEDS_LOG: &str = "needs a log file; add `log = \"...\"`";

/// Options that do nothing without one of others, and the message.
#[rustfmt::skip] // a table is read by its columns
const NEEDS: &[(&str, &[&str], &str)] = &[
    (CONTROL_FLAG, &[PID, PID_FLAG], NEEDS_PID),
    (CONTROL_SUBCOMMANDS, &[PID, PID_FLAG], NEEDS_PID),
    (PID_IN_FOREGROUND, &[PID, PID_FLAG], NEEDS_PID),
    (STOP_TIMEOUT, &[CONTROL_FLAG, CONTROL_SUBCOMMANDS, RESTART],
        "has no effect without `control_flag`"),
    (RESTART, &[PID, PID_FLAG], NEEDS_PID),
    (RESTART_DELAY, &[RESTART], NEEDS_RESTART),
    (RESTART_LIMIT, &[RESTART], NEEDS_RESTART),
    (LOG_REOPEN, &[LOG, LOG_FLAG], NEEDS_LOG),
    (LOG_ROTATE, &[LOG, LOG_FLAG], NEEDS_LOG),
    (LOG_ROTATE, &[CONTROL_FLAG, CONTROL_SUBCOMMANDS, RESTART],
        "has no effect without `restart` or `control_flag`"),
    (LOG_KEEP, &[LOG_ROTATE], "has no effect without `log_rotate`"),
    (PID_MODE, &[PID, PID_FLAG], "has no effect without `pid`"),
    (LOG_MODE, &[LOG, LOG_FLAG], "has no effect without `log`"),
];

/// `configure` may set any option.
fn options_have_what_they_need(options: &Options, diagnostics: &mut Diagnostics) {
    if !options.all_read || options.get(CONFIGURE).is_some() {
        return;
    }
    for (name, one_of, message) in NEEDS {
        let Some(setting) = options.get(name) else {
            continue;
        };
        if !one_of.iter().any(|other| options.get(other).is_some()) {
            let message = format!("`{name}` {message}");
            diagnostics.push(setting.position, mistake(&setting.key, message));
        }
    }
}
