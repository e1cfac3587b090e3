#[daemon::main]
/// A server.
pub struct Server;

// expands to

::core::compile_error! {
    "`#[daemon::main]` can only be applied to a function"
}
/// A server.
pub struct Server;
