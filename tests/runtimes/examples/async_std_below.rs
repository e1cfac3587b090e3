//! The attribute above that of async-std.

#[daemon::main(pid = "{name}.pid", log = "{name}.log", ready = "listening")]
#[async_std::main]
async fn main() -> std::io::Result<()> {
    runtimes::async_std::serve().await
}
