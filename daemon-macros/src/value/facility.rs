//! The facility of the system log.

use proc_macro2::TokenStream;

use super::{Kind, Value};
use crate::diagnostics::shown;
use crate::span::generated;
use crate::suggest::nearest;

/// Those of `syslog(3)` for programs, in the order of RFC 3164.
pub(crate) const FACILITIES: [&str; 19] = [
    "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

pub(crate) static FACILITY: Kind = Kind {
    takes: "a facility of the system log",
    parse: facility,
};

fn facility(value: &Value) -> syn::Result<TokenStream> {
    if let Some(constant) = value.constant() {
        return Ok(constant);
    }
    let literal = value.string()?;
    let name = literal.value();
    if FACILITIES.contains(&&*name) {
        return Ok(generated(&literal));
    }
    let repair = match nearest(&name, FACILITIES.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "expected `daemon`, `user` or `local0` to `local7`".to_owned(),
    };
    let name = shown(&name);
    Err(value.mistake(format!("unknown facility `{name}`; {repair}")))
}
