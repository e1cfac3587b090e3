//! The nearest valid `main` beside the errors, so that the compiler adds no errors of its own and
//! editors keep working.

use proc_macro2::TokenStream;
use quote::quote;

use crate::entry_fn::EntryFn;
use crate::stacking::AttributeKind;

/// `function` is what was read of `item`, if it is a function.
pub(crate) fn fallback(item: TokenStream, function: Option<&EntryFn>) -> TokenStream {
    let Some(function) = function.filter(|function| function.is_main()) else {
        return item;
    };
    let Some(body) = function.body() else {
        return quote!(
            fn main() {}
        );
    };
    let attributes =
        function.attributes(|kind| !matches!(kind, AttributeKind::Repeated | AttributeKind::Test));
    let signature = &function.signature;
    if function.signature_mistakes().is_empty() || function.is_within_another_main() {
        return quote!(#(#attributes)* #signature #body);
    }
    // The underscore keeps `dead_code` quiet. A body may be wrong in a `const` function.
    let signature = signature.renamed("_main");
    quote! {
        fn main() {
            #(#attributes)* #signature #body
        }
    }
}
