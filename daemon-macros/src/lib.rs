//! The attribute `#[daemon::main]`. Programs use it through the crate `daemon`.

#![forbid(unsafe_code)]

mod check;
mod diagnostics;
mod entry_fn;
mod expand;
mod fallback;
#[cfg(test)]
mod fuzz;
mod option_table;
mod options;
mod span;
mod stacking;
mod suggest;
mod syntax;
#[cfg(test)]
mod tests;
mod value;

use std::panic::{AssertUnwindSafe, catch_unwind};

use proc_macro2::{Span, TokenStream};

use crate::expand::attribute;

#[doc = include_str!("attribute.md")]
#[expect(
    clippy::needless_doctest_main,
    reason = "the documentation shows the expansion of `main`"
)]
#[proc_macro_attribute]
pub fn main(
    options: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    reporting_panics(attribute, options.into(), item.into()).into()
}

/// Reports a panic as a fault of the macro, and not of the user's program.
fn reporting_panics(
    attribute: fn(TokenStream, TokenStream) -> TokenStream,
    options: TokenStream,
    item: TokenStream,
) -> TokenStream {
    let unchanged = item.clone();
    let expand = AssertUnwindSafe(|| attribute(options, item));
    catch_unwind(expand).unwrap_or_else(|_| {
        let message = "`#[daemon::main]` has a bug: it failed on this code; please report it";
        let mut output = syn::Error::new(Span::call_site(), message).to_compile_error();
        output.extend(unchanged);
        output
    })
}
