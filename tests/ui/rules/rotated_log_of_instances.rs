#[daemon::main(
    pid = "{pid_dir}/{instance}.pid",
    log = "{log_dir}/{{instance}}.log",
    log_rotate = "1M",
    instance_flag = "--name",
    control_flag = "-s"
)]
fn main() {}
