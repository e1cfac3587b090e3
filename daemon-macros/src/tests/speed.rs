//! An attribute is expanded at every build and at every key that is pressed in an editor.

use std::time::{Duration, Instant};

use quote::quote;

use crate::attribute;
use crate::option_table::{OPTIONS, OptionSpec};

const EXPANSIONS: u32 = 1000;

/// A tenth of it is expected of an optimized macro; this one is not optimized. `--nocapture` shows
/// the figure.
const LONGEST: Duration = Duration::from_millis(10);

#[test]
#[expect(clippy::print_stdout, reason = "the figure is for whoever asks for it")]
fn an_attribute_with_every_option_is_expanded_in_no_time() {
    let usages = OPTIONS.iter().map(OptionSpec::usage);
    let options = usages.collect::<Vec<_>>().join(", ");
    let options = options
        .parse::<proc_macro2::TokenStream>()
        .expect("it is tokens");
    let start = Instant::now();
    for _ in 0..EXPANSIONS {
        attribute(
            options.clone(),
            quote!(
                fn main() {}
            ),
        );
    }
    let each = start.elapsed() / EXPANSIONS;
    println!("one expansion takes {} µs", each.as_micros());
    assert!(each < LONGEST, "{each:?}");
}
