//! The attribute alone.

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
fn main() {}

#[cfg(test)]
mod tests {
    #[test]
    fn main_is_a_function_like_any_other() {
        super::main();
    }
}
