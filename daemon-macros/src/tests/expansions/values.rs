#[daemon::main(
    crate = ::renamed,
    background_flag = ["-b", "--bg"],
    subcommand = "mount",
    pid = "{pid_dir}/{name}.pid",
    log = log_file(),
    pid_flag = "--pid-file",
    pid_in_foreground = true,
    pid_mode = 0o600,
    workdir = "/",
    umask = 0o022,
    user = "www",
    chroot = env!("ROOT"),
    env_remove = "GIT_DIR",
    keep_fds = [3, 4],
    listen = ["http=0.0.0.0:80", "control=unix:{pid_dir}/{name}.sock"],
    ready = "notify",
    ready_timeout = 60,
    control_flag = "-s",
    stop_signal = "SIGINT",
    restart = "on-failure",
    restart_delay = "1s..1min",
    restart_limit = 10,
    log_reopen = "SIGHUP",
    log_rotate = "10M",
    log_keep = 9,
    syslog = "local0",
    before_start = settings::check,
    configure = settings::adjust,
)]
fn main() {}

// expands to

fn main() {
    let _daemon = ::renamed::__private::ready(::renamed::Readiness::notify())
        .background_flag(["-b", "--bg"])
        .subcommand(["mount"])
        .pid(::renamed::PathSource::template("{pid_dir}/{name}.pid"))
        .log(::renamed::PathSource::from_fn(|| log_file()))
        .pid_flag("--pid-file")
        .pid_in_foreground(true)
        .pid_mode(0o600)
        .workdir("/")
        .umask(0o022)
        .user("www")
        .chroot(::renamed::PathSource::from_fn(|| env!("ROOT")))
        .env_remove(["GIT_DIR"])
        .keep_fds([3, 4])
        .listen("http", "0.0.0.0:80")
        .listen(
            "control",
            ::renamed::ListenAddress::unix(
                ::renamed::PathSource::template("{pid_dir}/{name}.sock"),
            ),
        )
        .ready_timeout(::std::time::Duration::from_secs(60))
        .control_flag("-s")
        .stop_signal(::renamed::Signal::SIGINT)
        .restart(::renamed::Restart::OnFailure)
        .restart_delay(
            ::std::time::Duration::from_millis(
                1000,
            )..=::std::time::Duration::from_millis(60000),
        )
        .restart_limit(10)
        .log_reopen(::renamed::Signal::SIGHUP)
        .log_rotate(10485760)
        .log_keep(9)
        .syslog("local0")
        .before_start(settings::check)
        .configure(settings::adjust)
        .enter();
    {}
}
