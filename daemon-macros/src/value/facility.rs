//! The facility of the system log.

use proc_macro2::TokenStream;

use super::{Kind, Value};
use crate::span::generated;
use crate::suggest::nearest;

/// Those of `syslog(3)` for programs, in the order of RFC 3164.
const FACILITIES: [&str; 19] = [
    "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

pub(crate) static FACILITY: Kind = Kind {
    takes: "a facility of the system log",
    parse: facility,
};

fn facility(value: &Value) -> syn::Result<TokenStream> {
    let literal = value.string()?;
    let name = literal.value();
    if FACILITIES.contains(&&*name) {
        return Ok(generated(&literal));
    }
    let repair = match nearest(&name, FACILITIES.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("use one of `{}`", FACILITIES.join("`, `")),
    };
    Err(value.unknown(&name, &repair))
}
