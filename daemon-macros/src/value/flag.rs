//! Flags of the command line.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::{Lit, LitStr};

use super::{Kind, Value, array};
use crate::diagnostics::shown;
use crate::option_table::LONG_SWITCH;
use crate::span::generated;

pub(crate) static FLAG: Kind = Kind {
    takes: "a flag",
    parse: |value| Ok(generated(&flag(value)?)),
};

/// Flags of one meaning, as they are written.
pub(crate) static ALL_FLAGS: Kind = Kind {
    takes: "a flag or an array of flags",
    parse: |value| Ok(array(&value.strings("flag", flag)?)),
};

/// One switch in all its spellings.
pub(crate) static FLAGS: Kind = Kind {
    takes: "a flag or an array of flags",
    parse: flags,
};

/// Programs and their users rely on these.
pub(crate) const RESERVED: [&str; 4] = ["-h", "-V", "--help", "--version"];

/// A short flag that is not in an array keeps `--background` beside it, so that `--background`
/// means the same in every program.
fn flags(value: &Value) -> syn::Result<TokenStream> {
    let mut flags = value.strings("flag", flag)?;
    let is_array = matches!(&*value.tokens, [TokenTree::Group(group)]
        if group.delimiter() == Delimiter::Bracket);
    if let (false, [only]) = (is_array, &*flags) {
        if !only.value().starts_with("--") {
            flags.push(LitStr::new(LONG_SWITCH, only.span()));
        }
    }
    Ok(array(&flags))
}

/// Refuses what the search through argv would never find, and what users would not expect.
fn flag(value: &Value) -> syn::Result<LitStr> {
    if let Some(Lit::Char(character)) = value.literal() {
        let (name, flag) = (value.option.name, shown(&format!("-{}", character.value())));
        return Err(value.mistake(format!(
            "option `{name}` takes a string in double quotes, not a character: `\"{flag}\"`"
        )));
    }
    let literal = value.string()?;
    match complaint(&literal.value()) {
        Some(complaint) => Err(value.mistake(complaint)),
        None => Ok(literal),
    }
}

fn complaint(written: &str) -> Option<String> {
    let name = written.trim_start_matches('-');
    let dash_count = written.len() - name.len();
    let is_one_letter = name.chars().nth(1).is_none();
    let flag = shown(written);

    if written.is_empty() {
        Some("the flag must not be empty".to_owned())
    } else if written.contains('\0') {
        Some(format!("flag `{flag}` must not contain a NUL byte"))
    } else if written.contains(char::is_whitespace) {
        Some(format!("flag `{flag}` must not contain white space"))
    } else if name.is_empty() {
        Some(format!("`{flag}` is not a flag; write a name after it"))
    } else if written.contains('=') {
        Some(format!("flag `{flag}` must not carry a value"))
    } else if dash_count == 0 {
        let dashed = if is_one_letter { "-" } else { "--" };
        Some(format!("a flag begins with a dash: `{dashed}{flag}`"))
    } else if dash_count > 2 {
        Some(format!(
            "flag `{flag}` has too many dashes; write `--{}`",
            shown(name)
        ))
    } else if dash_count == 2 && is_one_letter {
        Some(format!(
            "a flag of one letter has a single dash: `-{}`",
            shown(name)
        ))
    } else if dash_count == 1 && !is_one_letter {
        let long = shown(name);
        Some(format!(
            "short flag `{flag}` has more than one letter; write `--{long}` or a single letter"
        ))
    } else if RESERVED.contains(&written) {
        Some(format!(
            "flag `{flag}` is reserved by convention; choose another"
        ))
    } else {
        None
    }
}
