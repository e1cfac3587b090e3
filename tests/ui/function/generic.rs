#[daemon::main]
fn main<T>() {}
