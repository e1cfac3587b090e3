//! The attribute below the attribute of async-std, which moves the function into another `main`.

#[async_std::main]
#[daemon::main(pid = "{name}.pid", log = "{name}.log", ready = "listening")]
async fn main() -> std::io::Result<()> {
    runtimes::async_std::serve().await
}
