//! The attribute above that of compio.

#[daemon::main(pid = "{name}.pid", log = "{name}.log", ready = "listening")]
#[compio::main]
async fn main() -> std::io::Result<()> {
    runtimes::compio::serve().await
}
