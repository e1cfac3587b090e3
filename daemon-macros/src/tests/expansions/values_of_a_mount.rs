#[daemon::main(
    foreground_flag = ["-f", "--foreground"],
    control_subcommands = "run",
    pid = "/run/mount.pid",
)]
fn main() {}

// expands to

fn main() {
    let _daemon = ::daemon::Daemon::new()
        .foreground_flag(["-f", "--foreground"])
        .control_subcommands("run")
        .pid("/run/mount.pid")
        .enter();
    {}
}
