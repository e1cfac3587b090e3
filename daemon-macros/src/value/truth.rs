//! Options that are on or not written.

use super::{Kind, Value};

pub(crate) static TRUE: Kind = Kind {
    takes: "`true`",
    parse: |value: &Value| match &*value.tokens {
        [token] if token.to_string() == "true" => Ok(token.clone().into()),
        _ => value.constant().ok_or_else(|| value.wrong_type()),
    },
};
