#[daemon::main(pid = "hello.pid", log = "hello.log")]
fn main() {
    let _daemon = daemon::Daemon::new()
        .pid_file("hello.pid")
        .log_file("hello.log")
        .enter();
    println!(
        "hello {:?} {:?} {:?} {:?}",
        daemon::is_daemon(),
        daemon::start_dir(),
        daemon::pid_file(),
        std::env::args_os()
    );
    loop {
        std::thread::sleep(std::time::Duration::from_secs(60));
    }
}
