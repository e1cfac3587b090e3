//! The attribute below that of tokio.

#[tokio::main]
#[daemon::main(pid = "{name}.pid", log = "{name}.log", ready = "listening")]
async fn main() -> std::io::Result<()> {
    runtimes::tokio::serve().await
}
