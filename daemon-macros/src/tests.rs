//! The attribute outside of a compiler, on tokens of `proc_macro2`.
#![expect(
    clippy::expect_used,
    reason = "an expectation that fails is a test that fails"
)]

mod documentation;
mod every_option;
mod expansions;
mod half_typed;
mod messages;
#[cfg(unix)]
mod wrong_values;

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

/// The output for the first item of `source` that has the attribute.
fn expand(source: &str) -> TokenStream {
    let source = source.parse::<TokenStream>().expect("it is tokens");
    let mut trees = source.into_iter();
    let ours = trees.find_map(|tree| match tree {
        TokenTree::Group(group) if group.stream().to_string().contains(":: main") => Some(group),
        _ => None,
    });
    let ours = ours.expect("the source has the attribute").stream();
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
fn panic_is_reported_as_a_fault_of_the_macro() {
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
