#[daemon::main]
fn main() {}

// expands to

fn main() {
    let _daemon = ::daemon::Daemon::new().enter();
    {}
}
