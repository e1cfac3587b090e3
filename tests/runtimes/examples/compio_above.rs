//! The attribute below that of compio.

#[compio::main]
#[daemon::main(pid = "{name}.pid", log = "{name}.log", ready = "listening")]
async fn main() -> std::io::Result<()> {
    runtimes::compio::serve().await
}
