#[daemon::main(configure = |daemon| daemon)]
fn main() {}
