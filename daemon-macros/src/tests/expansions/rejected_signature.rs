#[daemon::main]
/// Serves.
const async unsafe fn main<T: Copy>(words: Vec<T>) -> T {
    words[0]
}

// expands to

::core::compile_error! {
    "`fn main` cannot be `const`"
}
::core::compile_error! {
    "`async fn main` needs a runtime attribute, such as `#[tokio::main]`, below `#[daemon::main]`"
}
::core::compile_error! {
    "`fn main` cannot be `unsafe`"
}
::core::compile_error! {
    "`fn main` cannot have generic parameters"
}
::core::compile_error! {
    "`fn main` cannot have parameters; read them with `std::env::args`"
}
fn main() {
    /// Serves.
    async unsafe fn _main<T: Copy>(words: Vec<T>) -> T {
        words[0]
    }
}
