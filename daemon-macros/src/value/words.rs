//! Words of the command line that are not flags.

use syn::LitStr;

use super::{Kind, Value, array};
use crate::diagnostics::{mistake, shown};

/// A subcommand, or several.
pub(crate) static WORDS: Kind = Kind {
    takes: "a word or an array of words",
    parse: |value| Ok(array(&value.strings("word", word)?)),
};

fn word(value: &Value) -> syn::Result<LitStr> {
    let literal = value.string()?;
    let word = literal.value();
    if word.is_empty() {
        Err(mistake(literal, "the subcommand must not be empty"))
    } else if word.starts_with('-') {
        let word = shown(&word);
        let message = format!("a subcommand does not begin with a dash: `{word}`");
        Err(mistake(literal, message))
    } else {
        Ok(literal)
    }
}
