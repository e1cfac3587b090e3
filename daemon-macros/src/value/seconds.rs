//! Durations in whole seconds.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::{Kind, Value};
use crate::span::{generated, generated_span};

pub(crate) static SECONDS: Kind = Kind {
    takes: "a number of seconds",
    parse: seconds,
};

fn seconds(value: &Value) -> syn::Result<TokenStream> {
    if let Some(constant) = value.constant() {
        return Ok(duration(&constant));
    }
    let literal = value.integer()?;
    match literal.base10_parse::<u64>() {
        Ok(1..) => Ok(duration(&generated(&literal))),
        Ok(0) => Err(value.mistake(format!("`{}` must be at least 1 second", value.option.name))),
        Err(_) => Err(value.wrong_type()),
    }
}

fn duration(seconds: &TokenStream) -> TokenStream {
    quote_spanned!(generated_span(seconds)=> ::std::time::Duration::from_secs(#seconds))
}
