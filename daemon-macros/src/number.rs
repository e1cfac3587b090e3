//! Numbers: modes, seconds, descriptors.

use syn::{Expr, ExprLit, Ident, Lit, LitInt};

use crate::diagnostics::mistake;
use crate::option_table::{Kind, OptionSpec};
use crate::value::{all, wrong_type};

const MOST: u32 = 0o777;
const OWNER_READS_AND_WRITES: u32 = 0o600;

fn integer<'a>(option: &OptionSpec, written: &'a Expr) -> syn::Result<&'a LitInt> {
    match written {
        Expr::Lit(ExprLit {
            lit: Lit::Int(literal),
            ..
        }) if literal.suffix().is_empty() => Ok(literal),
        Expr::Lit(ExprLit {
            lit: Lit::Int(literal),
            ..
        }) => {
            let message = format!("unexpected suffix `{}` on the number", literal.suffix());
            Err(mistake(literal, message))
        }
        _ => Err(wrong_type(option, written)),
    }
}

/// A file mode or a mask. Permissions are octal everywhere else, so a decimal number is a slip.
pub(crate) fn mode(option: &OptionSpec, written: &Expr) -> syn::Result<LitInt> {
    let literal = integer(option, written)?;
    let name = option.name;
    let text = literal.to_string();
    let message = match text.strip_prefix("0o") {
        None => match u32::from_str_radix(&text, 8) {
            Ok(meant) if meant <= MOST => {
                format!("`{name}` is an octal number; write `0o{meant:03o}`")
            }
            _ => format!(
                "`{name}` is an octal number; write it as `0o` and three digits from 0 to 7"
            ),
        },
        Some(_) => match literal.base10_parse::<u32>() {
            Ok(mode) if mode <= MOST => {
                let is_usable = mode & OWNER_READS_AND_WRITES == OWNER_READS_AND_WRITES;
                if option.kind != Kind::FileMode || is_usable {
                    return Ok(literal.clone());
                }
                format!("`{name}` must let its owner read and write: `0o600` or more")
            }
            _ => format!("`{name}` must be at most `0o777`"),
        },
    };
    Err(mistake(literal, message))
}

pub(crate) fn seconds(option: &OptionSpec, written: &Expr) -> syn::Result<LitInt> {
    let literal = integer(option, written)?;
    match literal.base10_parse::<u64>() {
        Ok(1..) => Ok(literal.clone()),
        Ok(0) => Err(mistake(
            literal,
            format!("`{}` must be at least 1 second", option.name),
        )),
        Err(_) => Err(wrong_type(option, written)),
    }
}

pub(crate) fn descriptors(
    option: &OptionSpec,
    key: &Ident,
    written: &Expr,
) -> syn::Result<Vec<LitInt>> {
    let name = option.name;
    let Expr::Array(array) = written else {
        return Err(wrong_type(option, written));
    };
    if array.elems.is_empty() {
        return Err(mistake(
            key,
            format!("option `{name}` needs at least one descriptor"),
        ));
    }
    let mut seen = Vec::new();
    all(array.elems.iter().map(|element| {
        let literal = integer(option, element)?;
        let message = match literal.base10_parse::<i32>() {
            Ok(0..=2) => format!(
                "descriptors 0, 1 and 2 are always redirected; list only higher ones in `{name}`"
            ),
            Ok(descriptor) if seen.contains(&descriptor) => {
                format!("descriptor {descriptor} is listed twice")
            }
            Ok(descriptor) => {
                seen.push(descriptor);
                return Ok(literal.clone());
            }
            Err(_) => return Err(wrong_type(option, element)),
        };
        Err(mistake(literal, message))
    }))
}
