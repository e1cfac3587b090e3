#[daemon::main(configure = 5)]
fn main() {}
