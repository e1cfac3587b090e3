//! Signals.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;
use syn::LitStr;

use super::{Kind, Value};
use crate::diagnostics::shown;
use crate::span::{generated_span, respanned};
use crate::suggest::nearest;

/// A signal that asks a program to do something while it runs on.
pub(crate) static SIGNAL: Kind = Kind {
    takes: "the name of a signal",
    parse: signal,
};

/// A signal that asks a program to end.
pub(crate) static STOP_SIGNAL: Kind = Kind {
    takes: "the name of a signal",
    parse: stop_signal,
};

const SIGNALS: [&str; 8] = [
    "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGCONT", "SIGURG", "SIGWINCH", "SIGIO",
];
/// Those of other meanings.
const OTHER: [&str; 16] = [
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGSEGV",
    "SIGPIPE",
    "SIGCHLD",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGSYS",
];
const UNCATCHABLE: [&str; 2] = ["SIGKILL", "SIGSTOP"];
const ENDING: [&str; 3] = ["SIGINT", "SIGQUIT", "SIGTERM"];

fn signal(value: &Value) -> syn::Result<TokenStream> {
    if let Some(constant) = value.constant() {
        return Ok(constant);
    }
    let literal = value.string()?;
    let text = literal.value();
    if !SIGNALS.contains(&&*text) {
        return Err(value.mistake(complaint(&text)));
    }
    Ok(constant(value, &literal))
}

fn stop_signal(value: &Value) -> syn::Result<TokenStream> {
    if let Some(constant) = value.constant() {
        return Ok(constant);
    }
    let literal = value.string()?;
    let text = literal.value();
    if SIGNALS.iter().chain(&ENDING).any(|signal| *signal == text) {
        return Ok(constant(value, &literal));
    }
    if OTHER.contains(&&*text) {
        let message = format!("`{text}` has another meaning; use `SIGTERM` or `SIGINT`");
        return Err(value.mistake(message));
    }
    let name = value.option.name;
    Err(value.mistake(format!(
        "option `{name}` takes a signal that can be caught, such as `\"SIGINT\"`"
    )))
}

fn constant(value: &Value, literal: &LitStr) -> TokenStream {
    let span = generated_span(literal);
    let constant = Ident::new(&literal.value(), span);
    let crate_path = respanned(value.crate_path, span);
    quote_spanned!(span=> #crate_path::Signal::#constant)
}

fn complaint(text: &str) -> String {
    let all = [&SIGNALS[..], &UNCATCHABLE, &ENDING, &OTHER];
    let known = || all.iter().copied().flatten().copied();
    let full = format!("SIG{}", text.to_uppercase());
    let name = shown(text);
    if UNCATCHABLE.contains(&text) {
        format!("`{name}` cannot be caught; use `SIGHUP` or `SIGUSR1`")
    } else if ENDING.contains(&text) {
        format!("`{name}` ends a program; use `SIGHUP` or `SIGUSR1`")
    } else if OTHER.contains(&text) {
        format!("`{name}` has another meaning; use `SIGHUP` or `SIGUSR1`")
    } else if known().any(|signal| signal == full) {
        format!("signal names are written in full: `{full}`")
    } else if let Some(signal) = nearest(text, known()) {
        format!("unknown signal `{name}`; did you mean `{signal}`?")
    } else {
        format!("unknown signal `{name}`; use `SIGHUP` or `SIGUSR1`")
    }
}
