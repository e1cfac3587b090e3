#[daemon::main(env_clear = true)]
fn main() {}
