#[daemon::main(* = "/run/a.pid")]
fn main() {}
