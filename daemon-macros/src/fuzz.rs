//! Any tokens in the attribute and below it give an answer and never a panic. `fuzz/` searches for
//! tokens that break this; a test replays what it has found.

use std::str::FromStr;

use proc_macro2::TokenStream;
use quote::quote;

use crate::expand::attribute;

/// The input is the options and, after a NUL byte, the item. Without one it is an empty `main`.
pub(crate) fn options(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (options, item) = match text.split_once('\0') {
        Some((options, item)) => (options, Some(item)),
        None => (text, None),
    };
    // The compiler hands over tokens, in pairs of brackets.
    let Ok(options) = TokenStream::from_str(options) else {
        return;
    };
    match item.map(TokenStream::from_str) {
        Some(Ok(item)) => drop(attribute(options, item)),
        Some(Err(_)) => {}
        None => {
            let main = quote!(
                fn main() {}
            );
            let output = attribute(options, main);
            let is_a_program = syn::parse2::<syn::File>(output.clone()).is_ok();
            // The compiler, and not the macro, refuses a wrong expression.
            let text = output.to_string();
            assert!(is_a_program || text.contains("from_fn"), "{text}");
        }
    }
}
