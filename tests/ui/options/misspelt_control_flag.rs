#[daemon::main(control_flagx = "-s")]
fn main() {}
