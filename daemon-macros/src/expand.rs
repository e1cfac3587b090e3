//! The good output: calls of the public builder, and nothing else.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Path, ReturnType};

use crate::entry_fn::EntryFn;
use crate::options::Options;
use crate::stacking::Role;
use crate::value::Value;

pub(crate) fn expand(options: &Options, function: &EntryFn, body: &Group) -> TokenStream {
    if function.is_rewritten() {
        nested(options, function, body)
    } else {
        plain(options, function, body)
    }
}

/// The guard and then the user's statements, in a block of their own: a prologue among them would
/// raise `clippy::items_after_statements`, and their own braces `unused_braces`.
fn plain(options: &Options, function: &EntryFn, body: &Group) -> TokenStream {
    let attributes = function.attributes(|_| true);
    let signature = &function.signature;
    let guard = guard(options);
    let (inner_attributes, statements) = split_inner_attributes(body);
    let mut block = Group::new(Delimiter::Brace, statements);
    block.set_span(generated(body.span()));
    quote_spanned! {generated(Span::call_site())=>
        #(#attributes)*
        #signature {
            #inner_attributes
            #guard
            #block
        }
    }
}

/// The function that the attributes below ours rewrite stays as it is, within a `main` that enters
/// first. It keeps its name, since some runtimes insist on `main`. What it returns in the end is
/// theirs to say, so the outer one promises no more than every `main` does.
fn nested(options: &Options, function: &EntryFn, body: &Group) -> TokenStream {
    let outer = function.attributes(|role| role == Role::Inert);
    let inner = function.attributes(|role| role != Role::Inert);
    let signature = &function.signature;
    let guard = guard(options);
    // Where the user's type does not keep the promise, the compiler underlines that type.
    let span = match &signature.output {
        ReturnType::Type(_, written) => generated(written.span()),
        ReturnType::Default => generated(Span::call_site()),
    };
    let crate_path = spanned(&options.crate_path(), span);
    let promised = quote_spanned!(span=> impl #crate_path::Termination);
    quote_spanned! {generated(Span::call_site())=>
        #(#outer)*
        fn main() -> #promised {
            #(#inner)*
            #signature #body
            #guard
            main()
        }
    }
}

/// A `let _ =` would drop the guard at once.
fn guard(options: &Options) -> TokenStream {
    let crate_path = options.crate_path();
    let calls = options.settings.iter().filter_map(|setting| {
        let span = generated(setting.key.span());
        let method = Ident::new(setting.option.method?, span);
        let argument = argument(setting.value.as_ref()?, &crate_path);
        Some(quote_spanned!(span=> .#method(#argument)))
    });
    quote_spanned! {generated(Span::call_site())=>
        let _daemon = #crate_path::Daemon::new() #(#calls)* .enter();
    }
}

fn argument(value: &Value, crate_path: &Path) -> TokenStream {
    match value {
        Value::Text(literal) => made_ours(literal),
        Value::Number(literal) => made_ours(literal),
        Value::Texts(literals) => {
            let literals = literals.iter().map(made_ours);
            quote!([#(#literals),*])
        }
        Value::Numbers(literals) => {
            let literals = literals.iter().map(made_ours);
            quote!([#(#literals),*])
        }
        Value::Seconds(literal) => {
            let seconds = made_ours(literal);
            quote_spanned!(generated(literal.span())=> ::core::time::Duration::from_secs(#seconds))
        }
        Value::Computed(expression) => {
            let span = generated(expression.span());
            let crate_path = spanned(crate_path, span);
            quote_spanned!(span=> #crate_path::PathSource::from_fn(|| #expression))
        }
        Value::Readiness(mode) => {
            quote_spanned!(generated(mode.span())=> #crate_path::Readiness::#mode())
        }
        Value::Signal(constant) => {
            quote_spanned!(generated(constant.span())=> #crate_path::Signal::#constant)
        }
        Value::Path(path) => path.into_token_stream(),
    }
}

/// In the user's source, but not the user's code: messages still underline what was written there,
/// while lints pass over it and names do not mix with the user's.
fn generated(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

fn made_ours(literal: &(impl ToTokens + Spanned)) -> TokenStream {
    spanned(literal, generated(literal.span()))
}

fn spanned(tokens: &impl ToTokens, span: Span) -> TokenStream {
    let trees = tokens.to_token_stream().into_iter();
    trees
        .map(|mut tree| {
            tree.set_span(span);
            tree
        })
        .collect()
}

/// Inner attributes and doc comments must stay at the beginning of the function.
fn split_inner_attributes(body: &Group) -> (TokenStream, TokenStream) {
    let trees = body.stream().into_iter().collect::<Vec<_>>();
    let is = |tree: &TokenTree, character| matches!(tree, TokenTree::Punct(punct) if punct.as_char() == character);
    let attributes = trees.chunks(3).take_while(|chunk| {
        matches!(chunk, [hash, bang, TokenTree::Group(group)]
            if is(hash, '#') && is(bang, '!') && group.delimiter() == Delimiter::Bracket)
    });
    let (inner, statements) = trees.split_at(3 * attributes.count());
    (
        inner.iter().cloned().collect(),
        statements.iter().cloned().collect(),
    )
}
