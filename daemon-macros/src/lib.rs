//! The attribute `#[daemon::main]`. Programs use it through the crate `daemon`.

#![forbid(unsafe_code)]

use proc_macro::TokenStream;

/// Gives a program the switch `-d, --background`.
#[proc_macro_attribute]
pub fn main(_options: TokenStream, function: TokenStream) -> TokenStream {
    function
}
