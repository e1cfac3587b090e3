//! Which attributes of the function are macros, and which are inert.

use syn::{Attribute, Path};

/// What an attribute between `#[daemon::main]` and the function means for the expansion.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Describes the function; the compiler reads it.
    Inert,
    /// Rewrites the function, as runtimes do.
    Macro,
    /// `#[rocket::launch]` makes `fn main` itself, out of a function of another name.
    Launch,
    /// The harness calls a test from its own `main`.
    Test,
    /// `#[daemon::main]` once more.
    Repeated,
}

/// The language's own attributes that may stand at a function and are no macros. The compiler
/// resolves `cfg` and `cfg_attr` before it calls any macro.
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

pub(crate) fn role(attribute: &Attribute, crate_path: &Path) -> Role {
    let path = words(attribute.path());
    let mut ours = words(crate_path);
    ours.push("main".to_owned());

    match path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        _ if path == ours => Role::Repeated,
        [.., "test"] => Role::Test,
        ["launch"] | ["rocket", "launch"] => Role::Launch,
        [name] if INERT.contains(&name) => Role::Inert,
        [tool, _, ..] if TOOLS.contains(&tool) => Role::Inert,
        _ => Role::Macro,
    }
}

fn words(path: &Path) -> Vec<String> {
    path.segments
        .iter()
        .map(|segment| segment.ident.to_string())
        .collect()
}
