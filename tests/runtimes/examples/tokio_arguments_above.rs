//! The attribute below that of tokio, with arguments.

#[tokio::main(flavor = "multi_thread", worker_threads = 3)]
#[daemon::main(pid = "{name}.pid", log = "{name}.log", ready = "listening")]
async fn main() -> std::io::Result<()> {
    runtimes::tokio::serve().await
}
