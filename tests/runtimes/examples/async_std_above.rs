//! The attribute below that of async-std, which would run it within a `main` of its own.

#[async_std::main]
#[daemon::main(pid = "{name}.pid", log = "{name}.log", ready = "listening")]
async fn main() -> std::io::Result<()> {
    runtimes::async_std::serve().await
}
