#[daemon::main]
fn main();
