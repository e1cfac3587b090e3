//! Words of the command line that are not flags.

use proc_macro2::TokenStream;
use syn::LitStr;

use super::{Kind, Value};
use crate::diagnostics::{mistake, shown};
use crate::span::generated;

/// A subcommand, or several.
pub(crate) static WORDS: Kind = Kind {
    takes: "a word or an array of words",
    parse: |value| value.words("word", word),
};

/// The first word of a run beside those of the verbs.
pub(crate) static RUN_WORD: Kind = Kind {
    takes: RUN_WORD_TAKES,
    parse: run_word,
};

const RUN_WORD_TAKES: &str = "a word without a dash";
pub(crate) const VERBS: [&str; 10] = [
    "status",
    "start",
    "stop",
    "reload",
    "reopen",
    "restart",
    "rotate",
    "log",
    "unit",
    "user-unit",
];

fn run_word(value: &Value) -> syn::Result<TokenStream> {
    if let Some(constant) = value.constant() {
        return Ok(constant);
    }
    let literal = value.string()?;
    let word = literal.value();
    if word.is_empty() || word.starts_with('-') {
        let name = value.option.name;
        let message = format!("option `{name}` takes {RUN_WORD_TAKES}: `\"run\"`");
        return Err(mistake(literal, message));
    }
    if word.contains('\0') {
        return Err(mistake(literal, "the word must not contain a NUL byte"));
    }
    if VERBS.contains(&&*word) {
        let message = format!("`{word}` is a verb; use another word, such as `run`");
        return Err(mistake(literal, message));
    }
    Ok(generated(&literal))
}

fn word(value: &Value) -> syn::Result<LitStr> {
    let literal = value.string()?;
    let word = literal.value();
    if word.is_empty() {
        Err(mistake(literal, "the subcommand must not be empty"))
    } else if word.contains('\0') {
        let message = "the subcommand must not contain a NUL byte";
        Err(mistake(literal, message))
    } else if word.starts_with('-') {
        let word = shown(&word);
        let message = format!("a subcommand does not begin with a dash: `{word}`");
        Err(mistake(literal, message))
    } else {
        Ok(literal)
    }
}
