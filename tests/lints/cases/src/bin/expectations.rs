//! Lint levels beside the attribute, above and below.

#![deny(
    warnings,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    unused_results,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]
#![forbid(unsafe_code)]

#[expect(clippy::no_effect_underscore_binding, reason = "it is wanted")]
#[daemon::main]
#[expect(unused_variables, reason = "it is wanted")]
#[allow(clippy::let_unit_value)]
#[warn(clippy::unwrap_used)]
fn main() {
    let unused = 5;
    let _five = 5;
}
