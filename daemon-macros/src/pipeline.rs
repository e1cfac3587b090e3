//! From the tokens of the attribute and of its item to those that take their place.

use proc_macro2::TokenStream;

use crate::check;
use crate::diagnostics::{Diagnostics, Place};
use crate::entry_fn::EntryFn;
use crate::expand;
use crate::fallback;
use crate::options::Options;

pub(crate) fn attribute(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let options = Options::read(options, &mut diagnostics);
    check::check(&options, &mut diagnostics);
    let function = EntryFn::read(item.clone(), &options.crate_path())
        .map_err(|mistake| diagnostics.push(Place::FUNCTION, mistake))
        .ok();
    if let Some(function) = &function {
        function.check(&mut diagnostics);
    }
    let body = function.as_ref().and_then(EntryFn::body);
    match (diagnostics.finish(), &function, body) {
        (None, Some(function), Some(body)) => expand::expand(&options, function, body),
        (errors, function, _) => {
            let mut output = errors.unwrap_or_default();
            output.extend(fallback::fallback(item, function.as_ref()));
            output
        }
    }
}
