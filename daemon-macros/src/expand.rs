//! From the tokens of the attribute and of its item to those that take their place.
//!
//! The good output calls the public builder, and nothing else.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::quote_spanned;

use crate::check;
use crate::diagnostics::Diagnostics;
use crate::entry_fn::EntryFn;
use crate::fallback;
use crate::option_table::{CRATE, LISTEN, READY};
use crate::options::{Options, Setting};
use crate::span::{generated_span, respanned};
use crate::stacking::AttributeKind;

pub(crate) fn attribute(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let options = Options::read(options, &mut diagnostics);
    check::check(&options, &mut diagnostics);
    let function = EntryFn::read(item.clone(), &options.crate_path)
        .map_err(|mistake| diagnostics.push(Diagnostics::FUNCTION, mistake))
        .ok();
    if let Some(function) = &function {
        function.check(&mut diagnostics);
    }
    let body = function.as_ref().and_then(EntryFn::body);
    match (diagnostics.finish(), &function, body) {
        (None, Some(function), Some(body)) if function.is_rewritten() => {
            nested(&options, function, body)
        }
        (None, Some(function), Some(body)) => plain(&options, function, body),
        (errors, function, _) => {
            let mut output = errors.unwrap_or_default();
            output.extend(fallback::fallback(item, function.as_ref()));
            output
        }
    }
}

/// The call of the builder, and then a block with the user's statements: a call before them in the
/// same block would raise `clippy::items_after_statements`, and their own braces `unused_braces`.
fn plain(options: &Options, function: &EntryFn, body: &Group) -> TokenStream {
    let attributes = function.attributes(|_| true);
    let signature = &function.signature;
    let enter = enter(options);
    let (inner_attributes, statements) = split_inner_attributes(body);
    let mut block = Group::new(Delimiter::Brace, statements);
    block.set_span(generated_span(&body.span()));
    quote_spanned! {generated_span(&Span::call_site())=>
        #(#attributes)*
        #signature {
            #inner_attributes
            #enter
            #block
        }
    }
}

/// The function that other attributes rewrite stays as it is, inside a `main` that enters first. It
/// keeps its name, because some runtimes insist on `main`. Those attributes decide what it returns,
/// so the outer one promises only what every `main` does.
fn nested(options: &Options, function: &EntryFn, body: &Group) -> TokenStream {
    let outer = function.attributes(|kind| kind == AttributeKind::Inert);
    let inner = function.attributes(|kind| kind != AttributeKind::Inert);
    let signature = &function.signature;
    let enter = enter(options);
    // The compiler underlines the user's type if it is not a `Termination`.
    let span = generated_span(&signature.output);
    let crate_path = respanned(&options.crate_path, span);
    let promised = quote_spanned!(span=> impl #crate_path::__private::Termination);
    quote_spanned! {generated_span(&Span::call_site())=>
        #(#outer)*
        fn main() -> #promised {
            #(#inner)*
            #signature #body
            #enter
            main()
        }
    }
}

/// The builder has a method for each option, of the same name.
fn enter(options: &Options) -> TokenStream {
    let crate_path = &options.crate_path;
    let is_method =
        |setting: &&Setting| ![CRATE, READY].contains(&setting.option.name) && !setting.is_default;
    let settings = options.settings.iter().filter(is_method);
    let calls = settings.filter_map(|setting| {
        let span = generated_span(&setting.key);
        let method = Ident::new(setting.option.name, span);
        let argument = setting.argument.as_ref()?;
        if setting.option.name == LISTEN {
            let sockets = argument.clone().into_iter();
            let calls = sockets.map(|socket| quote_spanned!(span=> .#method #socket));
            return Some(calls.collect());
        }
        Some(quote_spanned!(span=> .#method(#argument)))
    });
    let ready = options.get(READY).filter(|setting| !setting.is_default);
    let ready = ready.and_then(|setting| Some((setting, setting.argument.as_ref()?)));
    let new = if let Some((setting, argument)) = ready {
        let span = generated_span(&setting.key);
        let function = Ident::new(READY, span);
        quote_spanned!(span=> #crate_path::__private::#function(#argument))
    } else {
        quote_spanned!(generated_span(&Span::call_site())=> #crate_path::Daemon::new())
    };
    quote_spanned! {generated_span(&Span::call_site())=>
        let _daemon = #new #(#calls)* .enter();
    }
}

/// Separates inner attributes and doc comments, which must come first in a function.
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
