//! The size of a log, and how many of them are kept.

use proc_macro2::{Literal, TokenStream, TokenTree};
use syn::LitStr;

use super::{Kind, Value};
use crate::span::{generated, generated_span};

const COUNT_MAX: u32 = 1000;

pub(crate) static SIZE: Kind = Kind {
    takes: "a size",
    parse: size,
};

pub(crate) static LOG_COUNT: Kind = Kind {
    takes: "a number of files",
    parse: count,
};

fn size(value: &Value) -> syn::Result<TokenStream> {
    if let Some(constant) = value.constant() {
        return Ok(constant);
    }
    let literal = value.string()?;
    let name = value.option.name;
    match bytes(&literal) {
        Some(0) => Err(value.mistake(format!("`{name}` must be at least 1 byte"))),
        Some(bytes) => {
            let mut number = Literal::u64_unsuffixed(bytes);
            number.set_span(generated_span(&literal));
            Ok(TokenTree::from(number).into())
        }
        None => {
            let message = format!("option `{name}` takes a size such as `\"10M\"`");
            Err(value.mistake(message))
        }
    }
}

/// The units of logrotate.
fn bytes(literal: &LitStr) -> Option<u64> {
    let text = literal.value();
    let unit = text.find(|character: char| !character.is_ascii_digit());
    let (number, unit) = text.split_at(unit.unwrap_or(text.len()));
    let unit: u64 = match unit {
        "K" | "k" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

fn count(value: &Value) -> syn::Result<TokenStream> {
    if let Some(constant) = value.constant() {
        return Ok(constant);
    }
    let literal = value.integer()?;
    let complaint = match literal.base10_parse::<u32>() {
        Ok(1..=COUNT_MAX) => return Ok(generated(&literal)),
        Ok(0) => "must be at least 1".to_owned(),
        _ => format!("must be at most {COUNT_MAX}"),
    };
    Err(value.mistake(format!("`{}` {complaint}", value.option.name)))
}
