#[daemon::main(pid = "/run/a.pid", control_flag = "-s", control_subcommands = "run")]
fn main() {}
