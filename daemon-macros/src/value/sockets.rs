//! Sockets with their names and addresses.

use std::net::SocketAddr;

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;
use syn::LitStr;

use super::{Kind, Value, path};
use crate::span::{generated_span, respanned};

/// One group of arguments for each socket: the method is called for each.
pub(crate) static SOCKETS: Kind = Kind {
    takes: "a name and an address",
    parse: sockets,
};

fn sockets(value: &Value) -> syn::Result<TokenStream> {
    let Some(elements) = value.elements() else {
        let (_, call) = socket(value)?;
        return Ok(call);
    };
    let calls = value.distinct(&elements, "socket", socket)?;
    value.distinct(&elements, "socket", |element| {
        let literal = element.string()?;
        let text = literal.value();
        let (_, address) = text.split_once('=').unwrap_or_default();
        // The system chooses another port for each.
        let is_chosen = address.parse().is_ok_and(|it: SocketAddr| it.port() == 0);
        let shown = if is_chosen { &text } else { address };
        Ok((format!("the address `{shown}`"), ()))
    })?;
    Ok(calls.into_iter().collect())
}

/// `"http=0.0.0.0:80"` or `"control=unix:PATH"`, and the name for a message.
fn socket(value: &Value) -> syn::Result<(String, TokenStream)> {
    let literal = value.string()?;
    let text = literal.value();
    let written = text.split_once('=').filter(|(name, _)| is_name(name));
    let Some((name, address)) = written else {
        return Err(malformed(value));
    };
    let span = generated_span(&literal);
    let argument = match address.strip_prefix("unix:") {
        Some("" | "@") => return Err(malformed(value)),
        Some(path) => {
            let path = LitStr::new(path, literal.span());
            let path = path::template(value, &path, path::names_a_directory)?;
            let crate_path = respanned(value.crate_path, span);
            let constructor = Ident::new("unix", span);
            quote_spanned!(span=> #crate_path::ListenAddress::#constructor(#path))
        }
        None if address.parse::<SocketAddr>().is_ok() => {
            let address = LitStr::new(address, span);
            quote_spanned!(span=> #address)
        }
        None => return Err(malformed(value)),
    };
    let literal = LitStr::new(name, span);
    let call = quote_spanned!(span=> (#literal, #argument));
    Ok((format!("the name `{name}`"), call))
}

fn malformed(value: &Value) -> syn::Error {
    let name = value.option.name;
    value.mistake(format!(
        "option `{name}` takes a name and an address: `\"http=0.0.0.0:80\"`"
    ))
}

/// Whether it can stand in `LISTEN_FDNAMES`.
fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && byte != b':';
    (1..=255).contains(&name.len()) && name.bytes().all(is_allowed)
}

/// The address of a socket as it is written, for the rules between options.
pub(crate) fn address(literal: &LitStr) -> Option<String> {
    let text = literal.value();
    let (_, address) = text.split_once('=')?;
    Some(match address.parse::<SocketAddr>() {
        // As `ready` names it.
        Ok(address) => format!("tcp:{}", address.port()),
        Err(_) => address.to_owned(),
    })
}
