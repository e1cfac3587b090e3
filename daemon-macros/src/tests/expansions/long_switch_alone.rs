#[daemon::main(background_flag = "--detach")]
fn main() {}

// expands to

fn main() {
    let _daemon = ::daemon::Daemon::new().background_flag(["--detach"]).enter();
    {}
}
