//! File modes and masks.

use proc_macro2::TokenStream;
use syn::LitInt;

use super::{Kind, Value};
use crate::span::generated;

const TAKES: &str = "an octal integer";
const MODE_MAX: u32 = 0o777;
const OWNER_READ_WRITE: u32 = 0o600;

/// The permissions of a file that its owner reads and writes.
pub(crate) static FILE_MODE: Kind = Kind {
    takes: TAKES,
    parse: |value| mode(value, OWNER_READ_WRITE),
};

pub(crate) static UMASK: Kind = Kind {
    takes: TAKES,
    parse: |value| mode(value, 0),
};

fn mode(value: &Value, required: u32) -> syn::Result<TokenStream> {
    if let Some(constant) = value.constant() {
        return Ok(constant);
    }
    let literal = value.integer()?;
    match complaint(&literal, required) {
        Some(complaint) => Err(value.mistake(format!("`{}` {complaint}", value.option.name))),
        None => Ok(generated(&literal)),
    }
}

/// Modes are octal in every other place, so a decimal number is a slip.
fn complaint(literal: &LitInt, required: u32) -> Option<String> {
    let text = literal.to_string();
    if !text.starts_with("0o") {
        return Some(match u32::from_str_radix(&text, 8) {
            Ok(meant) if meant <= MODE_MAX => {
                format!("is an octal number; write `0o{meant:03o}`")
            }
            _ => "is an octal number; write it as `0o` and three digits from 0 to 7".to_owned(),
        });
    }
    match literal.base10_parse::<u32>() {
        Ok(mode) if mode > MODE_MAX => Some("must be at most `0o777`".to_owned()),
        Ok(mode) if mode & required == required => None,
        Ok(_) => Some("must let the owner read and write: `0o600` or more".to_owned()),
        Err(_) => Some("must be at most `0o777`".to_owned()),
    }
}
