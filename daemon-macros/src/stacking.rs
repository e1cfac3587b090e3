//! Which attributes of the function are macros, and which are inert.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What an attribute between `#[daemon::main]` and the function means for the expansion.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttributeKind {
    /// Describes the function to the compiler.
    Inert,
    /// Rewrites the function, as runtimes do.
    Macro,
    /// `#[rocket::launch]` makes `fn main` itself, from a function of another name.
    Launch,
    /// The test harness calls this function from its own `main`.
    Test,
    /// `#[daemon::main]` once more.
    Repeated,
}

/// The built-in attributes of functions that are not macros. The compiler resolves `cfg` and
/// `cfg_attr` before it calls a macro.
const INERT: &[&str] = &[
    "allow",
    "automatically_derived",
    "cfg",
    "cfg_attr",
    "cold",
    "coverage",
    "deny",
    "deprecated",
    "doc",
    "expect",
    "export_name",
    "forbid",
    "ignore",
    "inline",
    "instruction_set",
    "link_section",
    "must_use",
    "naked",
    "no_mangle",
    "optimize",
    "should_panic",
    "target_feature",
    "track_caller",
    "unsafe",
    "warn",
];

/// Attributes of tools, such as `#[rustfmt::skip]`.
const TOOLS: &[&str] = &["clippy", "diagnostic", "miri", "rust_analyzer", "rustfmt"];

/// The kind of `#[attribute]`.
pub(crate) fn kind_of(attribute: TokenStream, crate_path: &TokenStream) -> AttributeKind {
    let path = words(attribute);
    let mut ours = words(crate_path.clone());
    ours.push("main".to_owned());

    match path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        _ if path == ours => AttributeKind::Repeated,
        [.., "test"] => AttributeKind::Test,
        ["launch"] | ["rocket", "launch"] => AttributeKind::Launch,
        [name] if INERT.contains(&name) => AttributeKind::Inert,
        [tool, _, ..] if TOOLS.contains(&tool) => AttributeKind::Inert,
        _ => AttributeKind::Macro,
    }
}

/// The names of the path that the tokens begin with.
fn words(tokens: TokenStream) -> Vec<String> {
    let mut words = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Ident(name) => words.push(name.to_string()),
            TokenTree::Punct(punct) if punct.as_char() == ':' => {}
            // A `macro_rules!` variable puts an attribute into an invisible group.
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                words.extend(self::words(group.stream()));
            }
            _ => break,
        }
    }
    words
}
