#![deny(warnings)]

/// An outer doc comment.
#[daemon::main]
/// Another one.
fn main() {
    //! An inner doc comment.
    #![allow(unused_variables)]
    let unused = 1;
    fn item() {}
    item();
}
