#[daemon::main(configurex = adjust)]
fn main() {}
