//! One option as tokens: `name = value`, and the comma after it.
//!
//! A value stays tokens: the compiler parses the expression in the generated code and underlines
//! what is wrong with it. Only its end is found here.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Ident, Lit, Token, token};

use crate::diagnostics::{mistake, shown};
use crate::option_table::{self, BUILDER_ONLY, OPTIONS, OptionSpec};
use crate::value::ungrouped;

/// An option as it is written.
pub(crate) struct Written {
    pub(crate) option: &'static OptionSpec,
    pub(crate) key: Ident,
    pub(crate) tokens: Vec<TokenTree>,
}

/// Reads `name = value`.
pub(crate) fn option(input: ParseStream) -> syn::Result<Written> {
    let (key, option) = name(input)?;
    let (name, usage) = (option.name, option.usage());
    let value_expected = || format!("expected a value after `{name} =`: `{usage}`");
    if at_end(input) {
        let message = format!("option `{name}` needs a value: `{usage}`");
        return Err(mistake(key, message));
    }
    if input.peek(token::Paren) {
        let arguments: TokenTree = input.parse()?;
        let call = [key.into(), arguments].into_iter().collect::<TokenStream>();
        let message = format!("option `{name}` is written with `=`: `{usage}`");
        return Err(mistake(call, message));
    }
    if !at_equals_sign(input) {
        let (found, text) = next(input)?;
        let message = format!("expected `=` after `{name}`, found `{text}`");
        return Err(mistake(found, message));
    }
    let equals: Token![=] = input.parse()?;
    if at_end(input) {
        return Err(mistake(equals, value_expected()));
    }
    let (tokens, is_whole) = expression(input)?;
    if !is_whole {
        let tokens = tokens.into_iter().collect::<TokenStream>();
        return Err(mistake(tokens, value_expected()));
    }
    Ok(Written {
        option,
        key,
        tokens: ungrouped(tokens),
    })
}

/// Reads the comma between two options. Where only the comma is missing, the next option is read
/// as well.
pub(crate) fn comma(input: ParseStream) -> syn::Result<()> {
    if input.is_empty() || input.parse::<Option<Token![,]>>()?.is_some() {
        return Ok(());
    }
    let begins_an_option = input.peek(Ident::peek_any) && input.peek2(Token![=]);
    let (found, text) = next(input)?;
    if !begins_an_option {
        skip_to_comma(input)?;
        input.parse::<Option<Token![,]>>()?;
    }
    let message = format!("expected `,` between options, found `{text}`");
    Err(mistake(found, message))
}

/// Skips the rest of an option.
pub(crate) fn skip_to_comma(input: ParseStream) -> syn::Result<()> {
    if at_equals_sign(input) {
        input.parse::<Token![=]>()?;
        expression(input)?;
    }
    while !at_end(input) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

/// Reads an expression. It ends at a comma that is not between angle brackets, or where one
/// operand follows another, since a comma is missing there. Returns whether it looks whole.
fn expression(input: ParseStream) -> syn::Result<(Vec<TokenTree>, bool)> {
    let mut tokens = Vec::new();
    let mut open_angles = 0_usize;
    let mut can_end = false;
    while let Some((token, _)) = input.cursor().token_tree() {
        let ends = is_punct(&token, ",") || can_end && is_operand(&token);
        if open_angles == 0 && ends {
            break;
        }
        can_end = match &token {
            TokenTree::Group(_) => true,
            TokenTree::Punct(_) if is_punct(&token, "<") => {
                open_angles += usize::from(open_angles > 0 || opens_angle(&tokens));
                false
            }
            TokenTree::Punct(_) if is_punct(&token, ">") && open_angles > 0 => {
                open_angles -= usize::from(!ends_in_arrow(&tokens));
                open_angles == 0
            }
            TokenTree::Punct(_) => is_punct(&token, "?"),
            operand => is_operand(operand),
        };
        tokens.push(input.parse()?);
    }
    let can_begin = !matches!(tokens.first(), Some(first) if is_punct(first, "=./~,+%^>?@;"));
    Ok((tokens, can_begin && can_end && open_angles == 0))
}

fn is_punct(token: &TokenTree, any_of: &str) -> bool {
    matches!(token, TokenTree::Punct(punct) if any_of.contains(punct.as_char()))
}

/// A literal or a name. Keywords such as `as` and `else` go on with an expression.
fn is_operand(token: &TokenTree) -> bool {
    const VALUES: [&str; 7] = ["self", "Self", "super", "crate", "true", "false", "await"];
    match token {
        TokenTree::Literal(_) => true,
        TokenTree::Ident(name) => {
            let is_name = syn::parse2::<Ident>(token.clone().into()).is_ok();
            is_name || VALUES.iter().any(|value| name == value)
        }
        _ => false,
    }
}

/// `<T>::f()` and `f::<T>()` have angle brackets; `a < b` compares.
fn opens_angle(before: &[TokenTree]) -> bool {
    match before {
        [] => true,
        [.., first, second] => is_punct(first, ":") && is_punct(second, ":"),
        _ => false,
    }
}

fn ends_in_arrow(before: &[TokenTree]) -> bool {
    matches!(before.last(), Some(TokenTree::Punct(punct))
        if punct.as_char() == '-' && punct.spacing() == Spacing::Joint)
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

/// Refuses `background-flag`, which Rust reads as a subtraction.
fn hyphenated(first: Ident, input: ParseStream) -> syn::Result<syn::Error> {
    let mut tokens = first.into_token_stream();
    while !at_end(input) && !input.peek(Token![=]) {
        tokens.extend([input.parse::<TokenTree>()?]);
    }
    let written = shown(&tokens.to_string().replace(' ', ""));
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
    if BUILDER_ONLY.contains(&written) {
        let message = format!("`{written}` is set in the builder: `configure = adjust`");
        return mistake(underlined, message);
    }
    let repair = option_table::suggestion(written).map_or_else(
        || {
            let names = OPTIONS.iter().map(|option| format!("`{}`", option.name));
            format!("expected one of {}", names.collect::<Vec<_>>().join(", "))
        },
        |name| format!("did you mean `{name}`?"),
    );
    mistake(underlined, format!("unknown option `{written}`; {repair}"))
}

/// Reads the next token or operator, and returns it and how a message shows it.
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
