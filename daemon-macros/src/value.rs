//! From the expression after `=` to a value of the option's kind.

use syn::{Expr, ExprLit, Ident, Lit, LitInt, LitStr, Path};

use crate::diagnostics::{mistake, shown, together};
use crate::option_table::{Kind, LONG_SWITCH, OptionSpec};
use crate::suggest::nearest;
use crate::{flag, number, path_literal};

/// A value that is right in itself. Tokens keep their spans, for the rules between options and for
/// errors of the type checker.
pub(crate) enum Value {
    Text(LitStr),
    Texts(Vec<LitStr>),
    /// A path that is computed at run time.
    Computed(Expr),
    Number(LitInt),
    Numbers(Vec<LitInt>),
    Seconds(LitInt),
    Readiness(Ident),
    Signal(Ident),
    /// The path of a function, or of the crate.
    Path(Path),
}

const READINESS: [&str; 4] = ["exec", "settled", "listening", "notify"];

const SIGNALS: [&str; 8] = [
    "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGCONT", "SIGURG", "SIGWINCH", "SIGIO",
];
const UNCATCHABLE: [&str; 2] = ["SIGKILL", "SIGSTOP"];
const ENDING: [&str; 3] = ["SIGINT", "SIGQUIT", "SIGTERM"];

/// Reads the value of an option. Every mistake of it is in the error.
pub(crate) fn read(option: &OptionSpec, key: &Ident, written: Expr) -> syn::Result<Value> {
    let written = ungrouped(written);
    match option.kind {
        Kind::Flags => flags(option, key, &written).map(Value::Texts),
        Kind::Flag => checked(option, &written, flag::check).map(Value::Text),
        Kind::Words => list(option, key, &written, "word", check_word).map(Value::Texts),
        Kind::File | Kind::Directory => path(option, written),
        Kind::FileMode | Kind::Umask => number::mode(option, &written).map(Value::Number),
        Kind::Account => checked(option, &written, check_account).map(Value::Text),
        Kind::Descriptors => number::descriptors(option, key, &written).map(Value::Numbers),
        Kind::Readiness => readiness(option, &written).map(Value::Readiness),
        Kind::Seconds => number::seconds(option, &written).map(Value::Seconds),
        Kind::Signal => signal(option, &written).map(Value::Signal),
        Kind::Function | Kind::Crate => unquoted_path(option, written).map(Value::Path),
    }
}

pub(crate) fn wrong_type(option: &OptionSpec, written: &Expr) -> syn::Error {
    let (name, description) = (option.name, option.kind.description());
    let message = format!("option `{name}` takes {description}: `{}`", option.usage());
    mistake(written, message)
}

/// Every value, or every mistake.
pub(crate) fn all<T>(results: impl Iterator<Item = syn::Result<T>>) -> syn::Result<Vec<T>> {
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

/// A value that came through a `macro_rules!` variable stands in an invisible group.
fn ungrouped(mut written: Expr) -> Expr {
    while let Expr::Group(group) = written {
        written = *group.expr;
    }
    written
}

fn string(option: &OptionSpec, written: &Expr) -> syn::Result<LitStr> {
    let Expr::Lit(ExprLit { lit, .. }) = written else {
        return Err(wrong_type(option, written));
    };
    let name = option.name;
    let message = match lit {
        Lit::Str(literal) if literal.suffix().is_empty() => return Ok(literal.clone()),
        Lit::Str(literal) => {
            format!(
                "unexpected suffix `{}` on the string literal",
                literal.suffix()
            )
        }
        Lit::ByteStr(_) => without_prefix(name, 'b'),
        Lit::CStr(_) => without_prefix(name, 'c'),
        Lit::Char(character) if matches!(option.kind, Kind::Flags | Kind::Flag) => {
            let flag = shown(&format!("-{}", character.value()));
            format!(
                "option `{name}` takes a string in double quotes, not a character: `\"{flag}\"`"
            )
        }
        _ => return Err(wrong_type(option, written)),
    };
    Err(mistake(lit, message))
}

fn without_prefix(option: &str, prefix: char) -> String {
    format!("option `{option}` takes a plain string literal, without the `{prefix}` prefix")
}

fn checked(
    option: &OptionSpec,
    written: &Expr,
    check: fn(&LitStr) -> syn::Result<()>,
) -> syn::Result<LitStr> {
    let literal = string(option, written)?;
    check(&literal)?;
    Ok(literal)
}

/// One string or an array of them.
fn list(
    option: &OptionSpec,
    key: &Ident,
    written: &Expr,
    noun: &str,
    check: fn(&LitStr) -> syn::Result<()>,
) -> syn::Result<Vec<LitStr>> {
    let Expr::Array(array) = written else {
        return Ok(vec![checked(option, written, check)?]);
    };
    if array.elems.is_empty() {
        let message = format!("option `{}` needs at least one {noun}", option.name);
        return Err(mistake(key, message));
    }
    let mut seen = Vec::new();
    all(array.elems.iter().map(|element| {
        let literal = checked(option, element, check)?;
        let text = literal.value();
        if seen.contains(&text) {
            let message = format!("{noun} `{}` is listed twice", shown(&text));
            return Err(mistake(literal, message));
        }
        seen.push(text);
        Ok(literal)
    }))
}

/// A short flag alone keeps the long one beside it, so that `--background` means the same
/// everywhere; a long flag alone and an array stand as they are written.
fn flags(option: &OptionSpec, key: &Ident, written: &Expr) -> syn::Result<Vec<LitStr>> {
    let mut flags = list(option, key, written, "flag", flag::check)?;
    if let (Expr::Lit(_), [only]) = (written, &*flags) {
        if flag::is_short(&only.value()) {
            flags.push(LitStr::new(LONG_SWITCH, only.span()));
        }
    }
    Ok(flags)
}

fn check_word(literal: &LitStr) -> syn::Result<()> {
    let word = literal.value();
    if word.is_empty() {
        Err(mistake(literal, "the subcommand must not be empty"))
    } else if word.starts_with('-') {
        let message = format!(
            "a subcommand does not begin with a dash: `{}`",
            shown(&word)
        );
        Err(mistake(literal, message))
    } else {
        Ok(())
    }
}

fn check_account(literal: &LitStr) -> syn::Result<()> {
    if literal.value().is_empty() {
        Err(mistake(literal, "the name must not be empty"))
    } else {
        Ok(())
    }
}

fn path(option: &OptionSpec, written: Expr) -> syn::Result<Value> {
    if !matches!(written, Expr::Lit(_)) {
        return Ok(Value::Computed(written));
    }
    let literal = string(option, &written)?;
    path_literal::check(option, &literal)?;
    Ok(Value::Text(literal))
}

fn readiness(option: &OptionSpec, written: &Expr) -> syn::Result<Ident> {
    let literal = string(option, written)?;
    let text = literal.value();
    if READINESS.contains(&&*text) {
        return Ok(Ident::new(&text, literal.span()));
    }
    let repair = match nearest(&text, READINESS) {
        Some(name) => format!("did you mean `{name}`?"),
        None => "expected `exec`, `settled`, `listening` or `notify`".to_owned(),
    };
    let (text, name) = (shown(&text), option.name);
    Err(mistake(
        literal,
        format!("unknown value `{text}` for `{name}`; {repair}"),
    ))
}

fn signal(option: &OptionSpec, written: &Expr) -> syn::Result<Ident> {
    let literal = string(option, written)?;
    let text = literal.value();
    let known = || SIGNALS.into_iter().chain(UNCATCHABLE).chain(ENDING);
    if SIGNALS.contains(&&*text) {
        return Ok(Ident::new(&text, literal.span()));
    }
    let full = format!("SIG{}", text.to_uppercase());
    let name = shown(&text);
    let message = if UNCATCHABLE.contains(&&*text) {
        format!("`{name}` cannot be caught; use `SIGHUP` or `SIGUSR1`")
    } else if ENDING.contains(&&*text) {
        format!("`{name}` ends a program; use `SIGHUP` or `SIGUSR1`")
    } else if known().any(|signal| signal == full) {
        format!("signal names are written in full: `{full}`")
    } else if let Some(signal) = nearest(&text, known()) {
        format!("unknown signal `{name}`; did you mean `{signal}`?")
    } else {
        format!("unknown signal `{name}`; use `SIGHUP` or `SIGUSR1`")
    };
    Err(mistake(literal, message))
}

fn unquoted_path(option: &OptionSpec, written: Expr) -> syn::Result<Path> {
    match written {
        Expr::Path(path) if path.qself.is_none() => Ok(path.path),
        Expr::Lit(ExprLit {
            lit: Lit::Str(literal),
            ..
        }) => {
            let (name, description) = (option.name, option.kind.description());
            let usage = option.usage();
            let message = format!("option `{name}` takes {description} without quotes: `{usage}`");
            Err(mistake(literal, message))
        }
        other => Err(wrong_type(option, &other)),
    }
}
