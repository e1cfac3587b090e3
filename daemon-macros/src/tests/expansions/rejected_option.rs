#[daemon::main(pidd = "/run/hello.pid")]
#[tokio::main]
async fn main() -> Result<(), Error> {
    serve().await
}

// expands to

::core::compile_error! {
    "unknown option `pidd`; did you mean `pid`?"
}
#[tokio::main]
async fn main() -> Result<(), Error> {
    serve().await
}
