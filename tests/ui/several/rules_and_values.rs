#[daemon::main(
    stop_timeout = 5,
    background_flag = "",
    pid_mode = 0o600,
    umask = 0o1000,
    pid_flag = "--file",
    log_flag = "--file",
)]
fn main() {}
