//! Users and groups.

use super::{Kind, Value};
use crate::diagnostics::mistake;
use crate::span::generated;

/// A user or a group: a name, or an id in quotes.
pub(crate) static ACCOUNT: Kind = Kind {
    takes: "a string",
    parse: |value: &Value| {
        if let Some(constant) = value.constant() {
            return Ok(constant);
        }
        let literal = value.string()?;
        let name = literal.value();
        if name.is_empty() {
            Err(mistake(literal, "the name must not be empty"))
        } else if name.contains('\0') {
            Err(mistake(literal, "the name must not contain a NUL byte"))
        } else {
            Ok(generated(&literal))
        }
    },
};
