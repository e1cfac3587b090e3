//! Paths of Rust items.

use proc_macro2::TokenStream;
use syn::Lit;

use super::{Kind, Value};

/// A function that the builder calls.
pub(crate) static FUNCTION: Kind = Kind {
    takes: "the path of a function",
    parse: item_path,
};

/// Where the generated code finds the library.
pub(crate) static CRATE_PATH: Kind = Kind {
    takes: "a path",
    parse: item_path,
};

fn item_path(value: &Value) -> syn::Result<TokenStream> {
    if value.is_path() {
        Ok(value.tokens.iter().cloned().collect())
    } else if let Some(Lit::Str(_)) = value.literal() {
        let (name, takes) = (value.option.name, value.option.kind.takes);
        let usage = value.option.usage();
        let message = format!("option `{name}` takes {takes} without quotes: `{usage}`");
        Err(value.mistake(message))
    } else {
        Err(value.wrong_type())
    }
}
