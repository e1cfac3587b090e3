//! The annotated function. Its body stays raw tokens, so that half-typed code still expands and
//! every message about it is the compiler's own.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Path, Safety, Signature, Visibility};

use crate::diagnostics::{Diagnostics, Place, mistake};
use crate::stacking::{Role, role};
use crate::syntax;

const LAUNCH: &str = "use `#[rocket::main] async fn main` instead of `#[rocket::launch]`";

/// The function below the attribute. Its visibility is not kept: nothing outside calls `main`.
pub(crate) struct EntryFn {
    attributes: Vec<(Role, Attribute)>,
    pub(crate) signature: Signature,
    /// The body, or the semicolon of `fn main();`. Half-typed code may have neither.
    body: Option<TokenTree>,
}

impl EntryFn {
    pub(crate) fn read(item: TokenStream, crate_path: &Path) -> syn::Result<Self> {
        let read = |input: ParseStream| {
            let attributes = input.call(Attribute::parse_outer)?;
            input.parse::<Visibility>()?;
            let Some(signature) = syntax::complete(input) else {
                let message = "`#[daemon::main]` can only be applied to a function";
                return Err(mistake(input.parse::<TokenTree>()?, message));
            };
            let with_role = |attribute| (role(&attribute, crate_path), attribute);
            Ok(Self {
                attributes: attributes.into_iter().map(with_role).collect(),
                signature,
                body: input.parse().ok().map(ungrouped),
            })
        };
        read.parse2(item)
    }

    pub(crate) fn attributes(&self, wanted: fn(Role) -> bool) -> impl Iterator<Item = &Attribute> {
        let wanted = move |(role, _): &&(Role, Attribute)| wanted(*role);
        self.attributes
            .iter()
            .filter(wanted)
            .map(|(_, attribute)| attribute)
    }

    pub(crate) fn body(&self) -> Option<&Group> {
        match &self.body {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => Some(group),
            _ => None,
        }
    }

    /// Whether an attribute below ours rewrites the function.
    pub(crate) fn is_rewritten(&self) -> bool {
        self.has(Role::Macro)
    }

    /// A method is not, whatever its name.
    pub(crate) fn is_main(&self) -> bool {
        self.signature.ident.unraw() == "main" && self.signature.receiver().is_none()
    }

    /// Whether a runtime's macro above has left us an `async fn main` of its own, which it awaits in
    /// the real one. Such a keyword was not written by the user, and its source is the macro's call.
    pub(crate) fn is_within_another_main(&self) -> bool {
        let keyword = self.signature.asyncness.as_ref();
        let source = keyword.and_then(|keyword| keyword.span.source_text());
        source.is_some_and(|source| source != "async")
    }

    fn has(&self, wanted: Role) -> bool {
        self.attributes.iter().any(|(role, _)| *role == wanted)
    }

    /// Finds what no `fn main` can be.
    pub(crate) fn check(&self, diagnostics: &mut Diagnostics) {
        let mut refuse = |mistake| diagnostics.push(Place::FUNCTION, mistake);
        for (role, attribute) in &self.attributes {
            match role {
                Role::Repeated => refuse(mistake(attribute, "`#[daemon::main]` is applied twice")),
                Role::Test => refuse(mistake(
                    attribute,
                    "`#[daemon::main]` cannot be applied to a test",
                )),
                Role::Launch => refuse(mistake(attribute, LAUNCH)),
                Role::Inert | Role::Macro => {}
            }
        }
        if self.has(Role::Test) || self.has(Role::Launch) {
            // The name of such a function is no mistake.
        } else if self.is_main() {
            self.signature_mistakes().into_iter().for_each(refuse);
        } else if self.signature.ident == "rocket" {
            refuse(mistake(&self.signature.ident, LAUNCH));
        } else {
            let message = "`#[daemon::main]` can only be applied to `fn main`";
            refuse(mistake(&self.signature.ident, message));
        }
    }

    /// What is wrong with the signature, in source order.
    pub(crate) fn signature_mistakes(&self) -> Vec<syn::Error> {
        let signature = &self.signature;
        let mut mistakes = Vec::new();
        let mut refuse = |underlined: &dyn ToTokens, message| {
            mistakes.push(mistake(underlined.to_token_stream(), message));
        };
        if let Some(keyword) = &signature.constness {
            refuse(keyword, "`fn main` cannot be `const`");
        }
        if let (Some(keyword), false) = (&signature.asyncness, self.is_rewritten()) {
            refuse(
                keyword,
                "`async fn main` needs a runtime attribute, such as `#[tokio::main]`, below `#[daemon::main]`",
            );
        }
        if let Safety::Unsafe(keyword) = &signature.safety {
            refuse(keyword, "`fn main` cannot be `unsafe`");
        }
        if let Some(abi) = &signature.abi {
            refuse(&abi.extern_token, "`fn main` cannot have an ABI");
        }
        if !signature.generics.params.is_empty() {
            refuse(
                &signature.generics,
                "`fn main` cannot have generic parameters",
            );
        }
        if !signature.inputs.is_empty() && !self.is_rewritten() {
            refuse(
                &signature.inputs,
                "`fn main` cannot have parameters; read them with `std::env::args`",
            );
        }
        if let Some(clause) = &signature.generics.where_clause {
            refuse(clause, "`fn main` cannot have a `where` clause");
        }
        if self.body().is_none() {
            refuse(&self.body, "`fn main` needs a body");
        }
        mistakes
    }
}

/// A body that came through a `macro_rules!` variable stands in an invisible group.
fn ungrouped(tree: TokenTree) -> TokenTree {
    let inner = match &tree {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            group.stream().into_iter().next()
        }
        _ => None,
    };
    inner.map_or(tree, ungrouped)
}
