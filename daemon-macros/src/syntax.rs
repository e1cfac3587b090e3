//! One option as tokens: `name = value`, and the comma after it.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{Parse, ParseStream};
use syn::{Expr, Ident, Lit, Token, token};

use crate::diagnostics::{mistake, shown};
use crate::option_table::{self, OPTIONS, OptionSpec};

/// Reads `name = value`.
pub(crate) fn option(input: ParseStream) -> syn::Result<(&'static OptionSpec, Ident, Expr)> {
    let (key, option) = name(input)?;
    let (name, usage) = (option.name, option.usage());
    let value_expected = || format!("expected a value after `{name} =`: `{usage}`");
    if at_end(input) {
        return Err(mistake(
            key,
            format!("option `{name}` needs a value: `{usage}`"),
        ));
    }
    if input.peek(token::Paren) {
        let arguments: TokenTree = input.parse()?;
        let call = [key.into(), arguments].into_iter().collect::<TokenStream>();
        return Err(mistake(
            call,
            format!("option `{name}` is written with `=`: `{usage}`"),
        ));
    }
    if !at_equals_sign(input) {
        let (found, text) = next(input)?;
        return Err(mistake(
            found,
            format!("expected `=` after `{name}`, found `{text}`"),
        ));
    }
    let equals: Token![=] = input.parse()?;
    if at_end(input) {
        return Err(mistake(equals, value_expected()));
    }
    let Some(value) = complete(input) else {
        return Err(mistake(skip_to_comma(input), value_expected()));
    };
    Ok((option, key, value))
}

/// Reads the comma between two options. Where it is missing but the next option is there, that
/// option is read as if the comma were.
pub(crate) fn comma(input: ParseStream) -> syn::Result<()> {
    if input.is_empty() || input.parse::<Option<Token![,]>>()?.is_some() {
        return Ok(());
    }
    let begins_an_option = input.peek(Ident::peek_any) && input.peek2(Token![=]);
    let (found, text) = next(input)?;
    if !begins_an_option {
        skip_to_comma(input);
        input.parse::<Option<Token![,]>>()?;
    }
    Err(mistake(
        found,
        format!("expected `,` between options, found `{text}`"),
    ))
}

/// Skips what is left of an option, and returns it.
pub(crate) fn skip_to_comma(input: ParseStream) -> TokenStream {
    let mut skipped = TokenStream::new();
    if at_equals_sign(input) {
        // A value that can be read may hold commas of its own: `a::<B, C>()`.
        let ahead = input.fork();
        if let (Ok(equals), Some(value)) = (ahead.parse::<Token![=]>(), complete::<Expr>(&ahead)) {
            input.advance_to(&ahead);
            equals.to_tokens(&mut skipped);
            value.to_tokens(&mut skipped);
        }
    }
    while !at_end(input) {
        skipped.extend(input.parse::<TokenTree>());
    }
    skipped
}

fn at_end(input: ParseStream) -> bool {
    input.is_empty() || input.peek(Token![,])
}

fn at_equals_sign(input: ParseStream) -> bool {
    input.peek(Token![=]) && !input.peek(Token![==]) && !input.peek(Token![=>])
}

fn name(input: ParseStream) -> syn::Result<(Ident, &'static OptionSpec)> {
    if input.peek(Lit) {
        let message =
            "expected an option name before the value: `pid = \"...\"` or `log = \"...\"`";
        return Err(mistake(input.parse::<Lit>()?, message));
    }
    if input.peek(Token![::]) || input.peek2(Token![::]) {
        return Err(mistake(
            path(input)?,
            "expected an option name, found a path",
        ));
    }
    if !input.peek(Ident::peek_any) {
        let (found, text) = next(input)?;
        return Err(mistake(
            found,
            format!("expected an option, found `{text}`"),
        ));
    }
    let key = input.call(Ident::parse_any)?;
    if input.peek(Token![-]) {
        return Err(hyphenated(key, input)?);
    }
    let written = key.unraw().to_string();
    match option_table::find(&written) {
        Some(option) => Ok((key, option)),
        None => Err(unknown(key, &written)),
    }
}

fn path(input: ParseStream) -> syn::Result<TokenStream> {
    let mut path = TokenStream::new();
    while input.peek(Token![::]) || input.peek(Ident::peek_any) {
        path.extend([input.parse::<TokenTree>()?]);
    }
    Ok(path)
}

fn hyphenated(first: Ident, input: ParseStream) -> syn::Result<syn::Error> {
    let mut written = first.to_string();
    let mut tokens = first.into_token_stream();
    while input.peek(Token![-]) {
        input.parse::<Token![-]>()?.to_tokens(&mut tokens);
        written.push('-');
        if input.peek(Ident::peek_any) {
            let word = input.call(Ident::parse_any)?;
            written.push_str(&word.to_string());
            word.to_tokens(&mut tokens);
        }
    }
    let name = written.replace('-', "_");
    Ok(match option_table::find(&name) {
        Some(_) => mistake(
            tokens,
            format!("option names are written with underscores: `{name}`"),
        ),
        None => unknown(tokens, &written),
    })
}

fn unknown(underlined: impl ToTokens, written: &str) -> syn::Error {
    let repair = option_table::suggestion(written).map_or_else(
        || {
            let names = OPTIONS.iter().map(|option| format!("`{}`", option.name));
            format!("expected one of {}", names.collect::<Vec<_>>().join(", "))
        },
        |name| format!("did you mean `{name}`?"),
    );
    mistake(underlined, format!("unknown option `{written}`; {repair}"))
}

/// Reads the whole of something or nothing of it. Without the fork, what a failed attempt leaves
/// unread within brackets would be an error of its own.
pub(crate) fn complete<T: Parse>(input: ParseStream) -> Option<T> {
    let ahead = input.fork();
    let whole = ahead.parse().ok()?;
    input.advance_to(&ahead);
    Some(whole)
}

/// The next token, which may be of several characters, and how a message shows it.
fn next(input: ParseStream) -> syn::Result<(TokenStream, String)> {
    let ahead = input.fork();
    let mut tokens = TokenStream::new();
    let mut text = String::new();
    loop {
        let token = ahead.parse::<TokenTree>()?;
        let goes_on =
            matches!(&token, TokenTree::Punct(punct) if punct.spacing() == Spacing::Joint);
        match &token {
            TokenTree::Group(group) => text.push_str(match group.delimiter() {
                Delimiter::Parenthesis => "(",
                Delimiter::Brace => "{",
                Delimiter::Bracket => "[",
                Delimiter::None => "...",
            }),
            other => text.push_str(&shown(&other.to_string())),
        }
        tokens.extend([token]);
        if !goes_on || at_end(&ahead) {
            return Ok((tokens, text));
        }
    }
}
