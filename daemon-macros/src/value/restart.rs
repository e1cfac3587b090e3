//! After which ends a daemon is started again, and how often.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;

use super::{Kind, Value};
use crate::span::{generated, generated_span, respanned};
use crate::suggest::nearest;

pub(crate) static RESTART_AFTER: Kind = Kind {
    takes: "a string",
    parse: restart,
};

pub(crate) static COUNT: Kind = Kind {
    takes: "a number",
    parse: count,
};

/// Each is a variant of `Restart` as well.
const VARIANTS: [(&str, &str); 2] = [("on-failure", "OnFailure"), ("always", "Always")];

fn restart(value: &Value) -> syn::Result<TokenStream> {
    if let Some(constant) = value.constant() {
        return Ok(constant);
    }
    let literal = value.string()?;
    let text = literal.value();
    let Some((_, variant)) = VARIANTS.iter().find(|(name, _)| *name == text) else {
        let repair = match nearest(&text, VARIANTS.map(|(name, _)| name)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => "expected `on-failure` or `always`".to_owned(),
        };
        return Err(value.unknown(&text, &repair));
    };
    let span = generated_span(&literal);
    let variant = Ident::new(variant, span);
    let crate_path = respanned(value.crate_path, span);
    Ok(quote_spanned!(span=> #crate_path::Restart::#variant))
}

fn count(value: &Value) -> syn::Result<TokenStream> {
    if let Some(constant) = value.constant() {
        return Ok(constant);
    }
    let literal = value.integer()?;
    match literal.base10_parse::<u32>() {
        Ok(1..) => Ok(generated(&literal)),
        Ok(0) => Err(value.mistake(format!("`{}` must be at least 1", value.option.name))),
        Err(_) => Err(value.wrong_type()),
    }
}
