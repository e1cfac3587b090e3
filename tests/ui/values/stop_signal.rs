#[daemon::main(stop_signal = "SIGKILL")]
fn main() {}
