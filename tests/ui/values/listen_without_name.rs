#[daemon::main(listen = ["0.0.0.0:80"])]
fn main() {}
