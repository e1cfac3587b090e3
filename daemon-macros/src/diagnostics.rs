//! All mistakes of one attribute, gathered so that they appear together and in source order.

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

/// Source text as one line of a message may hold it.
pub(crate) fn shown(source: &str) -> String {
    source
        .chars()
        .map(|character| match character {
            control if control.is_control() => control.escape_default().to_string(),
            other => other.to_string(),
        })
        .collect()
}

/// Where in the source a mistake is. Rules are checked after all options have been read, and spans
/// do not compare, so the order has to be kept by hand.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(usize);

impl Place {
    /// Everything of the function comes after everything of the options.
    pub(crate) const FUNCTION: Self = Self(usize::MAX);

    pub(crate) fn key_of(option: usize) -> Self {
        Self(2 * option)
    }

    pub(crate) fn value_of(option: usize) -> Self {
        Self(2 * option + 1)
    }
}

/// The accumulator. It must be finished, lest a mistake is found and not told.
#[derive(Default)]
pub(crate) struct Diagnostics {
    mistakes: Vec<(Place, syn::Error)>,
    finished: bool,
}

impl Diagnostics {
    pub(crate) fn push(&mut self, place: Place, mistake: syn::Error) {
        self.mistakes.push((place, mistake));
    }

    /// The compile errors, or `None` when there was no mistake.
    pub(crate) fn finish(mut self) -> Option<TokenStream> {
        self.finished = true;
        self.mistakes.sort_by_key(|(place, _)| *place);
        let mistakes = self.mistakes.drain(..).map(|(_, mistake)| mistake);
        together(mistakes).map(|all| all.to_compile_error())
    }
}

impl Drop for Diagnostics {
    fn drop(&mut self) {
        assert!(
            self.finished || std::thread::panicking(),
            "mistakes were gathered and not told"
        );
    }
}
