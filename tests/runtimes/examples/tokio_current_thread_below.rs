//! The attribute above that of tokio, with a single thread.

#[daemon::main(pid = "{name}.pid", log = "{name}.log", ready = "listening")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    runtimes::tokio::serve().await
}
