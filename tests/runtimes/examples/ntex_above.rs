//! The attribute below that of ntex.

#[ntex::main]
#[daemon::main(pid = "{name}.pid", log = "{name}.log", ready = "listening")]
async fn main() -> std::io::Result<()> {
    runtimes::ntex::serve().await
}
