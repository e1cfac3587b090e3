//! Whatever stands in the attribute and behind it: never a panic. `fuzz/` looks for what would be
//! one; what it has found so far is replayed by a test.

use std::str::FromStr;

use proc_macro2::TokenStream;
use quote::quote;

use crate::pipeline::attribute;

/// The options, and from the first NUL byte on the item, if it is not an empty `main`.
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
            assert!(is_a_program, "{output}");
        }
    }
}
