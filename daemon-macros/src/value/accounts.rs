//! Users and groups.

use super::{Kind, Value};
use crate::diagnostics::mistake;
use crate::span::generated;

/// A user or a group: a name, or an id in quotes.
pub(crate) static ACCOUNT: Kind = Kind {
    takes: "a string",
    parse: |value: &Value| {
        let literal = value.string()?;
        if literal.value().is_empty() {
            return Err(mistake(literal, "the name must not be empty"));
        }
        Ok(generated(&literal))
    },
};
