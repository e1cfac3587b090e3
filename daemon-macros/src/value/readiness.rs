//! When the daemon counts as ready.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;

use super::{Kind, Value};
use crate::span::{generated_span, respanned};
use crate::suggest::nearest;

pub(crate) static READINESS: Kind = Kind {
    takes: "a string",
    parse: readiness,
};

/// Each is a constructor of `Readiness` as well.
const MODES: [&str; 4] = ["exec", "settled", "listening", "notify"];

fn readiness(value: &Value) -> syn::Result<TokenStream> {
    if let Some(constant) = value.constant() {
        return Ok(constant);
    }
    let literal = value.string()?;
    let text = literal.value();
    if !MODES.contains(&&*text) {
        let repair = match nearest(&text, MODES) {
            Some(name) => format!("did you mean `{name}`?"),
            None => "expected `exec`, `settled`, `listening` or `notify`".to_owned(),
        };
        return Err(value.unknown(&text, &repair));
    }
    let span = generated_span(&literal);
    let constructor = Ident::new(&text, span);
    let crate_path = respanned(value.crate_path, span);
    Ok(quote_spanned!(span=> #crate_path::Readiness::#constructor()))
}
