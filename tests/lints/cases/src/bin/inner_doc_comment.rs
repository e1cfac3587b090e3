//! A `main` with an inner doc comment.

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

#[daemon::main]
fn main() {
    //! Begins and ends.
    #![expect(unused_variables, reason = "it is wanted")]
    let unused = 5;
}
