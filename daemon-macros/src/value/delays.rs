//! A first and a longest delay: `500ms..60s`, or one for both.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::LitInt;

use super::{Kind, Value};
use crate::span::generated_span;

pub(crate) static DELAYS: Kind = Kind {
    takes: "a string",
    parse: delays,
};

/// In milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("d", DAY),
];

const DAY: u64 = 86_400_000;

fn delays(value: &Value) -> syn::Result<TokenStream> {
    if let Some(constant) = value.constant() {
        return Ok(constant);
    }
    let literal = value.string()?;
    let text = literal.value();
    let (first, longest) = text.split_once("..").unwrap_or((&text, &text));
    let (first, longest) = (milliseconds(value, first)?, milliseconds(value, longest)?);
    let name = value.option.name;
    if longest > DAY {
        return Err(value.mistake(format!("`{name}` must be at most one day")));
    }
    if first > longest {
        let message = format!("`{name}`: the first delay is longer than the longest");
        return Err(value.mistake(message));
    }
    let span = generated_span(&literal);
    let [first, longest] = [first, longest].map(|number| LitInt::new(&number.to_string(), span));
    let duration = |number| quote_spanned!(span=> ::std::time::Duration::from_millis(#number));
    let (first, longest) = (duration(first), duration(longest));
    Ok(quote_spanned!(span=> #first..=#longest))
}

fn milliseconds(value: &Value, text: &str) -> syn::Result<u64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = UNITS
        .iter()
        .find(|(unit, _)| Some(*unit) == text.strip_prefix(digits));
    let milliseconds = unit.and_then(|(_, unit)| digits.parse::<u64>().ok()?.checked_mul(*unit));
    // A sign would be parsed too.
    let is_plain = digits.bytes().all(|digit| digit.is_ascii_digit());
    milliseconds.filter(|_| is_plain).ok_or_else(|| {
        let name = value.option.name;
        value.mistake(format!(
            "option `{name}` takes durations such as `\"500ms..60s\"`"
        ))
    })
}
