#[daemon::main(pid = "/run/a.pid", control_subcommands = "-s")]
fn main() {}
