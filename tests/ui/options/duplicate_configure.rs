#[daemon::main(configure = adjust, configure = adjust)]
fn main() {}
