#[daemon::main]
fn main() {}

// expands to

fn main() {
    let _daemon = ::daemon::Daemon::new()
        .background_flag(["-d", "--background"])
        .enter();
    {}
}
