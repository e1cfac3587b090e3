//! The spans of generated code.
//!
//! A generated token has the place of what the user wrote, so that messages underline that, and
//! the hygiene of the macro, so that lints pass over it and its names do not meet the user's.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::spanned::Spanned;

pub(crate) fn generated_span(written: &impl Spanned) -> Span {
    Span::mixed_site().located_at(written.span())
}

/// The same tokens, as generated code.
pub(crate) fn generated(written: &(impl ToTokens + Spanned)) -> TokenStream {
    respanned(written, generated_span(written))
}

pub(crate) fn respanned(tokens: &impl ToTokens, span: Span) -> TokenStream {
    let trees = tokens.to_token_stream().into_iter();
    trees
        .map(|mut tree| {
            tree.set_span(span);
            tree
        })
        .collect()
}
