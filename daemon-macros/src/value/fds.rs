//! File descriptors.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Kind, Value};
use crate::span::generated;

pub(crate) static FDS: Kind = Kind {
    takes: "an array of file descriptors",
    parse: fds,
};

fn fds(value: &Value) -> syn::Result<TokenStream> {
    if let Some(constant) = value.constant() {
        return Ok(constant);
    }
    let elements = value.elements().ok_or_else(|| value.wrong_type())?;
    let name = value.option.name;
    let fds = value.distinct(&elements, "descriptor", |element| {
        if let Some(constant) = element.constant() {
            return Ok((format!("`{constant}`"), constant));
        }
        let literal = element.integer()?;
        match literal.base10_parse::<i32>() {
            Ok(0..=2) => Err(element.mistake(format!(
                "descriptors 0, 1 and 2 are always redirected; list only higher ones in `{name}`"
            ))),
            Ok(fd) => Ok((format!("descriptor `{fd}`"), generated(&literal))),
            Err(_) => Err(element.wrong_type()),
        }
    })?;
    Ok(quote!([#(#fds),*]))
}
