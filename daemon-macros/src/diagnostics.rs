//! All mistakes of one attribute, collected so that they appear together and in source order.

use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::ToTokens;

/// A mistake: what the message underlines, and the message.
pub(crate) fn mistake(underlined: impl ToTokens, message: impl Display) -> syn::Error {
    syn::Error::new_spanned(underlined, message)
}

/// Several mistakes as one error, or `None` for none.
pub(crate) fn together(mistakes: impl IntoIterator<Item = syn::Error>) -> Option<syn::Error> {
    mistakes.into_iter().reduce(|mut all, next| {
        all.combine(next);
        all
    })
}

/// Source text without control characters, for one line of a message.
pub(crate) fn shown(source: &str) -> String {
    source
        .chars()
        .map(|character| match character {
            control if control.is_control() => control.escape_default().to_string(),
            other => other.to_string(),
        })
        .collect()
}

/// The mistakes found so far.
///
/// The rules between options are checked after all options have been read, and spans cannot be
/// compared, so each mistake carries the position of its option in the attribute.
#[derive(Default)]
pub(crate) struct Diagnostics(Vec<(usize, syn::Error)>);

impl Diagnostics {
    /// The position of the function, which comes after all options.
    pub(crate) const FUNCTION: usize = usize::MAX;

    pub(crate) fn push(&mut self, position: usize, mistake: syn::Error) {
        self.0.push((position, mistake));
    }

    /// The compile errors, or `None` when there was no mistake.
    pub(crate) fn finish(mut self) -> Option<TokenStream> {
        self.0.sort_by_key(|(position, _)| *position);
        let mistakes = self.0.into_iter().map(|(_, mistake)| mistake);
        together(mistakes).map(|all| all.to_compile_error())
    }
}
