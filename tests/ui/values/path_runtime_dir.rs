#[daemon::main(pid = "{runtime_dir}/hello.pid")]
fn main() {}
