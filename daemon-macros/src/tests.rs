//! The pipeline outside of a compiler, where tokens are `proc_macro2`'s own.

#![expect(
    clippy::expect_used,
    reason = "an expectation that fails is a test that fails"
)]

mod any_tokens;
mod every_option;
mod expansions;

use proc_macro2::TokenStream;

use crate::{attribute, reporting_panics};

/// The output for these options on an empty `main`.
fn with_options(options: &str) -> String {
    let options: TokenStream = options.parse().expect("options are tokens");
    attribute(
        options,
        quote::quote!(
            fn main() {}
        ),
    )
    .to_string()
}

#[test]
fn a_panic_of_ours_is_told_as_ours() {
    let output = reporting_panics(
        |_, _| unreachable!("this panic is part of a test"),
        TokenStream::new(),
        quote::quote!(
            fn main() {}
        ),
    );
    let output = output.to_string();
    assert!(output.contains("please report it"), "{output}");
    assert!(output.ends_with("fn main () { }"), "{output}");
}
