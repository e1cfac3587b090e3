#[daemon::main(env_remove = ["A", "A=B"])]
fn main() {}
