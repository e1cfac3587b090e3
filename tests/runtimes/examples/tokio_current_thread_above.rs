//! The attribute below that of tokio, with a single thread.

#[tokio::main(flavor = "current_thread")]
#[daemon::main(pid = "{name}.pid", log = "{name}.log", ready = "listening")]
async fn main() -> std::io::Result<()> {
    runtimes::tokio::serve().await
}
