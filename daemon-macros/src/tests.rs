//! The pipeline outside of a compiler, where tokens are `proc_macro2`'s own.
#![expect(
    clippy::expect_used,
    reason = "an expectation that fails is a test that fails"
)]

mod documentation;
mod every_option;
mod expansions;
mod half_typed;
mod messages;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::quote;

use crate::expand::attribute;
use crate::reporting_panics;

/// The output for these options on an empty `main`.
fn with_options(options: &str) -> String {
    let options = options.parse::<TokenStream>().expect("it is tokens");
    attribute(
        options,
        quote!(
            fn main() {}
        ),
    )
    .to_string()
}

/// The output for the first item of `source` that the attribute stands at.
fn expand(source: &str) -> TokenStream {
    let source = source.parse::<TokenStream>().expect("it is tokens");
    let mut trees = source.into_iter();
    let ours = trees.find_map(|tree| match tree {
        TokenTree::Group(group) if group.stream().to_string().contains(":: main") => Some(group),
        _ => None,
    });
    let ours = ours.expect("the attribute is here").stream();
    let options = ours.into_iter().find_map(|tree| match tree {
        TokenTree::Group(options) => Some(options.stream()),
        _ => None,
    });
    let mut item = TokenStream::new();
    for tree in trees {
        let ends = match &tree {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            TokenTree::Punct(punct) => punct.as_char() == ';',
            _ => false,
        };
        item.extend([tree]);
        if ends {
            break;
        }
    }
    attribute(options.unwrap_or_default(), item)
}

#[test]
fn a_panic_of_ours_is_told_as_ours() {
    let output = reporting_panics(
        |_, _| unreachable!("this panic is part of a test"),
        TokenStream::new(),
        quote!(
            fn main() {}
        ),
    );
    let output = output.to_string();
    assert!(output.contains("please report it"), "{output}");
    assert!(output.ends_with("fn main () { }"), "{output}");
}
