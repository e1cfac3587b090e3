//! Values: from the tokens after `=` to the argument of the builder's method.

mod accounts;
mod delays;
pub(crate) mod facility;
mod fds;
pub(crate) mod flag;
mod function;
mod mode;
mod path;
pub(crate) mod readiness;
mod restart;
mod seconds;
mod signal;
mod size;
mod sockets;
mod truth;
mod variables;
pub(crate) mod words;

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Lit, LitInt, LitStr, Token};

use crate::diagnostics::{mistake, shown, together};
use crate::option_table::OptionSpec;
use crate::span::generated;

pub(crate) use accounts::ACCOUNT;
pub(crate) use delays::DELAYS;
pub(crate) use facility::FACILITY;
pub(crate) use fds::FDS;
pub(crate) use flag::{ALL_FLAGS, FLAG, FLAGS};
pub(crate) use function::{CRATE_PATH, FUNCTION};
pub(crate) use mode::{FILE_MODE, UMASK};
pub(crate) use path::{DIRECTORY, FILE};
pub(crate) use readiness::READINESS;
pub(crate) use restart::{COUNT, RESTART_AFTER};
pub(crate) use seconds::SECONDS;
pub(crate) use signal::{SIGNAL, STOP_SIGNAL};
pub(crate) use size::{LOG_COUNT, SIZE};
pub(crate) use sockets::{SOCKETS, address};
pub(crate) use truth::TRUE;
pub(crate) use variables::VARIABLES;
pub(crate) use words::{RUN_WORD, WORDS};

/// A kind of value.
pub(crate) struct Kind {
    /// What follows `option ... takes` in a message.
    pub(crate) takes: &'static str,
    /// Checks a value and returns the argument of the builder's method.
    pub(crate) parse: fn(&Value) -> syn::Result<TokenStream>,
}

/// The value of an option as it is written in the source, or one element of it.
pub(crate) struct Value<'a> {
    pub(crate) option: &'static OptionSpec,
    pub(crate) key: &'a Ident,
    pub(crate) tokens: Vec<TokenTree>,
    pub(crate) crate_path: &'a TokenStream,
}

impl Value<'_> {
    pub(crate) fn parse(&self) -> syn::Result<TokenStream> {
        (self.option.kind.parse)(self)
    }

    /// The value itself, or the place where it is missing.
    fn underlined(&self) -> TokenStream {
        if self.tokens.is_empty() {
            TokenTree::from(self.key.clone()).into()
        } else {
            self.tokens.iter().cloned().collect()
        }
    }

    fn mistake(&self, message: impl std::fmt::Display) -> syn::Error {
        mistake(self.underlined(), message)
    }

    fn wrong_type(&self) -> syn::Error {
        let (name, takes) = (self.option.name, self.option.kind.takes);
        self.mistake(format!(
            "option `{name}` takes {takes}: `{}`",
            self.option.usage()
        ))
    }

    fn unknown(&self, text: &str, repair: &str) -> syn::Error {
        let (name, text) = (self.option.name, shown(text));
        self.mistake(format!("unknown value `{text}` for `{name}`; {repair}"))
    }

    fn literal(&self) -> Option<Lit> {
        let [token] = &*self.tokens else { return None };
        syn::parse2(token.clone().into()).ok()
    }

    fn string(&self) -> syn::Result<LitStr> {
        let name = self.option.name;
        let with_prefix = |prefix| {
            let message = format!(
                "option `{name}` takes a plain string literal, without the `{prefix}` prefix"
            );
            Err(self.mistake(message))
        };
        match self.literal() {
            Some(Lit::Str(literal)) if literal.suffix().is_empty() => Ok(literal),
            Some(Lit::Str(literal)) => Err(self.mistake(format!(
                "unexpected suffix `{}` on the string literal",
                literal.suffix()
            ))),
            Some(Lit::ByteStr(_)) => with_prefix('b'),
            Some(Lit::CStr(_)) => with_prefix('c'),
            _ => Err(self.wrong_type()),
        }
    }

    fn integer(&self) -> syn::Result<LitInt> {
        match self.literal() {
            Some(Lit::Int(literal)) if literal.suffix().is_empty() => Ok(literal),
            Some(Lit::Int(literal)) => Err(self.mistake(format!(
                "unexpected suffix `{}` on the number",
                literal.suffix()
            ))),
            _ => Err(self.wrong_type()),
        }
    }

    /// The path of a constant, such as `MODE` or `config::MODE`. Its value is not known here: the
    /// compiler checks the type, and the builder the value.
    fn constant(&self) -> Option<TokenStream> {
        let name = self.tokens.iter().rev().find_map(|token| match token {
            TokenTree::Ident(name) => Some(name.unraw().to_string()),
            _ => None,
        })?;
        (name.starts_with(char::is_uppercase) && self.is_path())
            .then(|| self.tokens.iter().cloned().collect())
    }

    fn is_path(&self) -> bool {
        let path = |input: ParseStream| {
            input.parse::<Option<Token![::]>>()?;
            loop {
                input.call(Ident::parse_any)?;
                if input.is_empty() {
                    return Ok(());
                }
                input.parse::<Token![::]>()?;
                if input.peek(Token![<]) {
                    return input.parse::<TokenStream>().map(drop);
                }
            }
        };
        let tokens = self.tokens.iter().cloned().collect();
        self.literal().is_none() && path.parse2(tokens).is_ok()
    }

    /// The elements of `[a, b]`.
    fn elements(&self) -> Option<Vec<Value<'_>>> {
        let [TokenTree::Group(group)] = &*self.tokens else {
            return None;
        };
        if group.delimiter() != Delimiter::Bracket {
            return None;
        }
        let tokens = group.stream().into_iter().collect::<Vec<_>>();
        let is_comma =
            |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
        let mut elements = tokens.split(is_comma).collect::<Vec<_>>();
        if elements.last().is_some_and(|last| last.is_empty()) {
            elements.pop();
        }
        let value = |tokens: &[TokenTree]| Value {
            tokens: ungrouped(tokens.to_vec()),
            ..*self
        };
        Some(elements.into_iter().map(value).collect())
    }

    /// Words, as an array. A constant is an array, and in an array it is a word.
    fn words(
        &self,
        noun: &str,
        read: fn(&Value) -> syn::Result<LitStr>,
    ) -> syn::Result<TokenStream> {
        if let Some(constant) = self.constant() {
            return Ok(constant);
        }
        let Some(elements) = self.elements() else {
            return Ok(array(&[read(self)?]));
        };
        let words = self.distinct(&elements, noun, |element| {
            if let Some(constant) = element.constant() {
                return Ok((format!("`{constant}`"), constant));
            }
            let literal = read(element)?;
            let name = format!("{noun} `{}`", literal.value());
            Ok((name, generated(&literal)))
        })?;
        Ok(quote!([#(#words),*]))
    }

    /// A string or an array of strings, as an array.
    fn strings(
        &self,
        noun: &str,
        read: fn(&Value) -> syn::Result<LitStr>,
    ) -> syn::Result<Vec<LitStr>> {
        match self.elements() {
            Some(elements) => self.distinct(&elements, noun, |element| {
                let literal = read(element)?;
                Ok((format!("{noun} `{}`", literal.value()), literal))
            }),
            None => Ok(vec![read(self)?]),
        }
    }

    /// At least one element, and none twice. `read` also returns the name of an element.
    fn distinct<T>(
        &self,
        elements: &[Value],
        noun: &str,
        read: impl Fn(&Value) -> syn::Result<(String, T)>,
    ) -> syn::Result<Vec<T>> {
        if elements.is_empty() {
            let message = format!("option `{}` needs at least one {noun}", self.option.name);
            return Err(mistake(self.key, message));
        }
        let mut seen = Vec::new();
        all(elements.iter().map(|element| {
            let (name, value) = read(element)?;
            if seen.contains(&name) {
                return Err(element.mistake(format!("{} is listed twice", shown(&name))));
            }
            seen.push(name);
            Ok(value)
        }))
    }
}

/// Every value, or every mistake.
fn all<T>(results: impl Iterator<Item = syn::Result<T>>) -> syn::Result<Vec<T>> {
    let mut mistakes = Vec::new();
    let mut values = Vec::new();
    for result in results {
        match result {
            Ok(value) => values.push(value),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    together(mistakes).map_or(Ok(values), Err)
}

/// Unwraps a value that a `macro_rules!` variable has put into an invisible group.
pub(crate) fn ungrouped(tokens: Vec<TokenTree>) -> Vec<TokenTree> {
    match &*tokens {
        [TokenTree::Group(group)] if group.delimiter() == Delimiter::None => {
            ungrouped(group.stream().into_iter().collect())
        }
        _ => tokens,
    }
}

fn array<T: quote::ToTokens + syn::spanned::Spanned>(literals: &[T]) -> TokenStream {
    let literals = literals.iter().map(generated);
    quote!([#(#literals),*])
}
