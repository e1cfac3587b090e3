#[daemon::main(configure = "adjust")]
fn main() {}

fn adjust(daemon: daemon::Daemon) -> daemon::Daemon {
    daemon
}
