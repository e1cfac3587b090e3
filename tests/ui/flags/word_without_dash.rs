#[daemon::main(background_flag = "detach")]
fn main() {}
