//! The attribute above that of ntex.

#[daemon::main(pid = "{name}.pid", log = "{name}.log", ready = "listening")]
#[ntex::main]
async fn main() -> std::io::Result<()> {
    runtimes::ntex::serve().await
}
