#[daemon::main(ready = "notify", ready = "notify")]
fn main() {}
