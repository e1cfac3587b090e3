#[daemon::main(cratex = ::daemon)]
fn main() {}
