#[daemon::main(crate = ::daemon, crate = ::daemon)]
fn main() {}
