//! The attribute above that of tokio.

#[daemon::main(pid = "{name}.pid", log = "{name}.log", ready = "listening")]
#[tokio::main]
async fn main() -> std::io::Result<()> {
    runtimes::tokio::serve().await
}
