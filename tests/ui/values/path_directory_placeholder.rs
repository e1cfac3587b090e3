#[daemon::main(log = "{log_dir}")]
fn main() {}
