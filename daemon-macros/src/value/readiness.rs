//! When the daemon counts as ready.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{LitInt, LitStr};

use super::{Kind, Value, path};
use crate::span::{generated_span, respanned};
use crate::suggest::nearest;

pub(crate) static READINESS: Kind = Kind {
    takes: "a string",
    parse: readiness,
};

/// Each is a constructor of `Readiness` as well.
pub(crate) const MODES: [&str; 4] = ["exec", "settled", "listening", "notify"];

fn readiness(value: &Value) -> syn::Result<TokenStream> {
    if let Some(constant) = value.constant() {
        return Ok(constant);
    }
    if let Some(elements) = value.elements() {
        return all(value, &elements);
    }
    let literal = value.string()?;
    let text = literal.value();
    if MODES.contains(&&*text) {
        return Ok(constructor(value, &literal, &text, &TokenStream::new()));
    }
    if let Some(address) = address(value, &literal)? {
        return Ok(address);
    }
    let repair = match nearest(&text, MODES) {
        Some(name) => format!("did you mean `{name}`?"),
        None => "expected `exec`, `settled`, `listening`, `notify`, `tcp:PORT`, `udp:PORT` or `unix:PATH`".to_owned(),
    };
    Err(value.unknown(&text, &repair))
}

fn all(value: &Value, elements: &[Value]) -> syn::Result<TokenStream> {
    let addresses = value.distinct(elements, "address", |element| {
        let literal = element.string()?;
        let text = literal.value();
        match address(element, &literal)? {
            Some(address) => Ok((format!("`{}`", canonical(&text)), address)),
            None if MODES.contains(&&*text) => Err(element.mistake(format!(
                "`{text}` cannot stand beside addresses in `{}`",
                value.option.name
            ))),
            None => {
                let repair = "expected `tcp:PORT`, `udp:PORT` or `unix:PATH`";
                Err(element.unknown(&text, repair))
            }
        }
    })?;
    let array = value.underlined();
    let span = generated_span(&array);
    let list = quote_spanned!(span=> [#(#addresses),*]);
    Ok(constructor(value, &array, "all", &list))
}

/// The same text for the same address: `tcp:080` is `tcp:80`.
fn canonical(address: &str) -> String {
    let port = |text: &str| text.parse::<u16>().ok();
    match address.split_once(':') {
        Some((scheme @ ("tcp" | "udp"), rest)) => match port(rest) {
            Some(port) => format!("{scheme}:{port}"),
            None => address.to_owned(),
        },
        _ => address.to_owned(),
    }
}

/// `tcp:PORT`, `udp:PORT` or `unix:PATH`.
fn address(value: &Value, literal: &LitStr) -> syn::Result<Option<TokenStream>> {
    let text = literal.value();
    let (scheme, rest) = text.split_once(':').unwrap_or((&text, ""));
    let name = value.option.name;
    let argument = match scheme {
        "tcp" | "udp" | "port" => {
            let port = rest.parse::<u16>().unwrap_or_default();
            if port == 0 || scheme == "port" {
                let scheme = if scheme == "port" { "tcp" } else { scheme };
                return Err(value.mistake(format!(
                    "option `{name}` takes `\"{scheme}:PORT\"` with a port from 1 to 65535"
                )));
            }
            LitInt::new(&port.to_string(), generated_span(literal)).into_token_stream()
        }
        "unix" if rest.is_empty() || rest == "@" => {
            let message = format!("option `{name}` takes `\"unix:PATH\"` with a path");
            return Err(value.mistake(message));
        }
        "unix" => {
            let path = LitStr::new(rest, literal.span());
            path::template(value, &path, |path| {
                // A name in the abstract namespace is no path.
                !path.starts_with('@') && path::names_a_directory(path)
            })?
        }
        _ => return Ok(None),
    };
    Ok(Some(constructor(value, literal, scheme, &argument)))
}

fn constructor(
    value: &Value,
    written: &impl syn::spanned::Spanned,
    name: &str,
    argument: &TokenStream,
) -> TokenStream {
    let span = generated_span(written);
    let name = Ident::new(name, span);
    let crate_path = respanned(value.crate_path, span);
    quote_spanned!(span=> #crate_path::Readiness::#name(#argument))
}
