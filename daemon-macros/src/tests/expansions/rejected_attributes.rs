#[daemon::main]
#[test]
#[daemon::main]
fn main() {}

// expands to

::core::compile_error! {
    "`#[daemon::main]` cannot be applied to a test"
}
::core::compile_error! {
    "`#[daemon::main]` is applied twice"
}
fn main() {}
