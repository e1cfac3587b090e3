//! The annotated function.
//!
//! All of it stays tokens, so that half-typed code still expands and every message about it is the
//! compiler's own.

use std::iter::Peekable;
use std::vec;

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, TokenStreamExt};
use syn::ext::IdentExt;

use crate::diagnostics::{Diagnostics, mistake};
use crate::stacking::{AttributeKind, kind_of};

const LAUNCH: &str = "use `#[rocket::main] async fn main` instead of `#[rocket::launch]`";

/// The function below the attribute, without its visibility: no other code calls `main`.
pub(crate) struct EntryFn {
    attributes: Vec<(AttributeKind, TokenStream)>,
    pub(crate) signature: Signature,
    /// The body, or the semicolon of `fn main();`. Half-typed code may have neither.
    body: Option<TokenTree>,
}

/// The function from its qualifiers to its `where` clause.
#[derive(Clone)]
pub(crate) struct Signature {
    /// `const`, `async`, `unsafe` and `extern "C"`.
    qualifiers: Vec<TokenTree>,
    keyword: TokenTree,
    name: Ident,
    generics: TokenStream,
    parameters: Group,
    arrow: TokenStream,
    pub(crate) output: TokenStream,
    where_clause: TokenStream,
}

type Tokens = Peekable<vec::IntoIter<TokenTree>>;

impl EntryFn {
    pub(crate) fn read(item: TokenStream, crate_path: &TokenStream) -> syn::Result<Self> {
        let mut tokens = flattened(item).into_iter().peekable();
        let mut attributes = Vec::new();
        while let Some(hash) = tokens.next_if(|token| is_punct(token, '#')) {
            let Some(TokenTree::Group(group)) = tokens.next() else {
                break;
            };
            let kind = kind_of(group.stream(), crate_path);
            attributes.push((kind, [hash, group.into()].into_iter().collect()));
        }
        if tokens.next_if(|token| is_word(token, &["pub"])).is_some() {
            tokens.next_if(|token| is_group(token, Delimiter::Parenthesis));
        }
        let first = tokens.peek().cloned();
        let (signature, body) = Signature::read(tokens).ok_or_else(|| {
            let message = "`#[daemon::main]` can only be applied to a function";
            mistake(first.into_token_stream(), message)
        })?;
        Ok(Self {
            attributes,
            signature,
            body,
        })
    }

    pub(crate) fn attributes(
        &self,
        wanted: fn(AttributeKind) -> bool,
    ) -> impl Iterator<Item = &TokenStream> {
        let attributes = self.attributes.iter();
        attributes
            .filter(move |(kind, _)| wanted(*kind))
            .map(|(_, attribute)| attribute)
    }

    pub(crate) fn body(&self) -> Option<&Group> {
        match &self.body {
            Some(TokenTree::Group(group)) => Some(group),
            _ => None,
        }
    }

    /// Whether an attribute below ours rewrites the function.
    pub(crate) fn is_rewritten(&self) -> bool {
        self.has(AttributeKind::Macro)
    }

    /// A method is not `main`, whatever its name.
    pub(crate) fn is_main(&self) -> bool {
        self.signature.name.unraw() == "main" && !self.signature.is_method()
    }

    /// Whether a runtime's macro above has made this `async fn main` and awaits it in a `main` of
    /// its own. The source of its `async` keyword is the call of that macro.
    pub(crate) fn is_within_another_main(&self) -> bool {
        let keyword = self.signature.qualifier("async");
        let source = keyword.and_then(|keyword| keyword.span().source_text());
        source.is_some_and(|source| source != "async")
    }

    fn has(&self, wanted: AttributeKind) -> bool {
        self.attributes.iter().any(|(kind, _)| *kind == wanted)
    }

    /// Finds what `fn main` cannot be.
    pub(crate) fn check(&self, diagnostics: &mut Diagnostics) {
        let mut refuse = |mistake| diagnostics.push(Diagnostics::FUNCTION, mistake);
        for (kind, attribute) in &self.attributes {
            let message = match kind {
                AttributeKind::Repeated => "`#[daemon::main]` is applied twice",
                AttributeKind::Test => "`#[daemon::main]` cannot be applied to a test",
                AttributeKind::Launch => LAUNCH,
                AttributeKind::Inert | AttributeKind::Macro => continue,
            };
            refuse(mistake(attribute, message));
        }
        if self.has(AttributeKind::Test) || self.has(AttributeKind::Launch) {
            // Such a function may have any name.
        } else if self.is_main() {
            self.signature_mistakes().into_iter().for_each(refuse);
        } else if self.signature.name == "rocket" {
            refuse(mistake(&self.signature.name, LAUNCH));
        } else {
            let message = "`#[daemon::main]` can only be applied to `fn main`";
            refuse(mistake(&self.signature.name, message));
        }
    }

    /// What is wrong with the signature, in source order.
    pub(crate) fn signature_mistakes(&self) -> Vec<syn::Error> {
        let signature = &self.signature;
        let mut mistakes = Vec::new();
        let mut refuse = |underlined: TokenStream, message| {
            if !underlined.is_empty() {
                mistakes.push(mistake(underlined, message));
            }
        };
        for qualifier in &signature.qualifiers {
            let message = match &*qualifier.to_string() {
                "const" => "`fn main` cannot be `const`",
                "async" if !self.is_rewritten() => {
                    "`async fn main` needs a runtime attribute, such as `#[tokio::main]`, below `#[daemon::main]`"
                }
                "unsafe" => "`fn main` cannot be `unsafe`",
                "extern" => "`fn main` cannot have an ABI",
                _ => continue,
            };
            refuse(qualifier.to_token_stream(), message);
        }
        let message = "`fn main` cannot have generic parameters";
        refuse(signature.generics.clone(), message);
        if !self.is_rewritten() {
            let message = "`fn main` cannot have parameters; read them with `std::env::args`";
            refuse(signature.parameters.stream(), message);
        }
        let message = "`fn main` cannot have a `where` clause";
        refuse(signature.where_clause.clone(), message);
        if self.body().is_none() {
            let message = "`fn main` needs a body";
            mistakes.push(mistake(&self.body, message));
        }
        mistakes
    }
}

impl Signature {
    /// Reads a signature and the body after it.
    fn read(mut tokens: Tokens) -> Option<(Self, Option<TokenTree>)> {
        let mut qualifiers = Vec::new();
        let is_qualifier =
            |token: &TokenTree| is_word(token, &["const", "async", "unsafe", "safe", "extern"]);
        while let Some(qualifier) = tokens.next_if(is_qualifier) {
            qualifiers.push(qualifier);
            qualifiers.extend(tokens.next_if(|token| matches!(token, TokenTree::Literal(_))));
        }
        let keyword = tokens.next_if(|token| is_word(token, &["fn"]))?;
        let TokenTree::Ident(name) = tokens.next()? else {
            return None;
        };
        let generics = generics(&mut tokens);
        let is_parameters = |token: &TokenTree| is_group(token, Delimiter::Parenthesis);
        let TokenTree::Group(parameters) = tokens.next_if(is_parameters)? else {
            return None;
        };

        let mut rest = tokens.collect::<Vec<_>>();
        let is_body = |token: &TokenTree| is_group(token, Delimiter::Brace) || is_punct(token, ';');
        let body = rest
            .last()
            .is_some_and(is_body)
            .then(|| rest.pop())
            .flatten();
        let is_where = |token: &TokenTree| is_word(token, &["where"]);
        let where_clause = rest.split_off(rest.iter().position(is_where).unwrap_or(rest.len()));
        let output = rest.split_off(rest.len().min(2));
        let signature = Self {
            qualifiers,
            keyword,
            name,
            generics,
            parameters,
            arrow: rest.into_iter().collect(),
            output: output.into_iter().collect(),
            where_clause: where_clause.into_iter().collect(),
        };
        Some((signature, body))
    }

    /// The same under another name, and not `const`.
    pub(crate) fn renamed(&self, name: &str) -> Self {
        let mut renamed = self.clone();
        renamed.name = Ident::new(name, self.name.span());
        let is_const = |token: &TokenTree| is_word(token, &["const"]);
        renamed.qualifiers.retain(|token| !is_const(token));
        renamed
    }

    fn qualifier(&self, word: &str) -> Option<&TokenTree> {
        self.qualifiers.iter().find(|token| is_word(token, &[word]))
    }

    /// Whether the first parameter is `self` in one of its forms.
    fn is_method(&self) -> bool {
        let tokens = self.parameters.stream().into_iter();
        let first = tokens.take_while(|token| !is_punct(token, ',') && !is_punct(token, ':'));
        first.last().is_some_and(|token| is_word(&token, &["self"]))
    }
}

impl ToTokens for Signature {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.append_all(&self.qualifiers);
        self.keyword.to_tokens(tokens);
        self.name.to_tokens(tokens);
        self.generics.to_tokens(tokens);
        self.parameters.to_tokens(tokens);
        self.arrow.to_tokens(tokens);
        self.output.to_tokens(tokens);
        self.where_clause.to_tokens(tokens);
    }
}

/// Reads `<...>`, if it is there.
fn generics(tokens: &mut Tokens) -> TokenStream {
    let mut generics = TokenStream::new();
    let mut depth = 0_usize;
    let mut is_arrow = false;
    while depth > 0 || tokens.peek().is_some_and(|token| is_punct(token, '<')) {
        let Some(token) = tokens.next() else { break };
        if is_punct(&token, '<') {
            depth += 1;
        } else if is_punct(&token, '>') && !is_arrow {
            depth -= 1;
        }
        is_arrow = is_punct(&token, '-');
        let ends = depth == 0;
        generics.append(token);
        if ends {
            break;
        }
    }
    generics
}

/// The tokens of an item. A `macro_rules!` variable puts what it holds into an invisible group.
fn flattened(tokens: TokenStream) -> Vec<TokenTree> {
    let tokens = tokens.into_iter().flat_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            flattened(group.stream())
        }
        other => vec![other],
    });
    tokens.collect()
}

fn is_word(token: &TokenTree, any_of: &[&str]) -> bool {
    matches!(token, TokenTree::Ident(name) if any_of.iter().any(|word| name == word))
}

fn is_group(token: &TokenTree, delimiter: Delimiter) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == delimiter)
}

fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}
