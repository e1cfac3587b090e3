//! The attribute above that of tokio, with arguments.

#[daemon::main(pid = "{name}.pid", log = "{name}.log", ready = "listening")]
#[tokio::main(flavor = "multi_thread", worker_threads = 3)]
async fn main() -> std::io::Result<()> {
    runtimes::tokio::serve().await
}
