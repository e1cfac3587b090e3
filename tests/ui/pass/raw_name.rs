#[daemon::main]
fn r#main() {}
