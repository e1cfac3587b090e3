use daemon::Daemon;

#[daemon::main(
    background_flag = ["-b", "--detach"],
    subcommand = ["mount", "serve"],
    pid = "{pid_dir}/{name}.pid",
    log = "{log_dir}/{{{name}}}.log",
    pid_flag = "--pid-file",
    log_flag = "--log-file",
    pid_mode = 0o600,
    log_mode = 0o666,
    workdir = "/",
    umask = 0o0_27,
    user = "nobody",
    group = "65534",
    chroot = "/var/empty",
    env_remove = "GIT_DIR",
    keep_fds = [3, 4],
    listen = ["http=127.0.0.1:8080", "http6=[::1]:8080", "control=unix:@{name}"],
    ready = "notify",
    ready_timeout = 60,
    control_flag = "-s",
    stop_timeout = 120,
    log_reopen = "SIGHUP",
    configure = adjust::<5>,
    crate = daemon,
)]
fn main() {}

fn adjust<const DESCRIPTOR: i32>(daemon: Daemon) -> Daemon {
    daemon.keep_fds([DESCRIPTOR])
}
