#[daemon::main]
fn main() -> Result<(), Error>;

// expands to

::core::compile_error! {
    "`fn main` needs a body"
}
fn main() {}
