//! Every runtime with the attribute: the daemon starts the runtime and answers, and the launcher
//! does not start it.

#![cfg(target_os = "linux")]

#[allow(dead_code, unused_macros, reason = "the process tests use the rest")]
#[path = "../../it/support/mod.rs"]
mod support;

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;

use support::deadline::{WAIT_TIMEOUT, eventually};
use support::outcome::Outcome;
use support::process::status_field;
use support::scratch::Scratch;
use support::trace::{self, Action, Role};

/// Makes a test of each program.
macro_rules! programs {
    ($($program:ident)*) => {
        $(
            #[test]
            fn $program() {
                runs_in_the_daemon_alone(stringify!($program));
            }
        )*
    };
}

programs! {
    actix_above
    actix_below
    async_std_below
    compio_above
    compio_below
    ntex_above
    ntex_below
    rocket_above
    rocket_below
    smol_above
    smol_below
    tokio_above
    tokio_arguments_above
    tokio_arguments_below
    tokio_below
    tokio_current_thread_above
    tokio_current_thread_below
}

fn runs_in_the_daemon_alone(program: &str) {
    let scratch = Scratch::new();
    let launch = launch_without_runtime(&scratch, program);
    let daemon = scratch.daemon_of(launch, format!("{program}.pid"));

    let answer = ask(&scratch).expect("an answer");
    assert!(
        answer.ends_with(&format!("\r\n\r\n{}", daemon.pid())),
        "{answer}"
    );

    let status = daemon.stop().expect("the status of the daemon");
    assert!(
        status.success() || status.signal() == Some(Signal::SIGTERM as i32),
        "{status}"
    );
    scratch.expect_nothing_left();
}

/// The first system calls of a runtime: it makes an event queue or a thread.
const RUNTIME_BEGINS: [libc::c_long; 3] = [
    libc::SYS_epoll_create1,
    libc::SYS_io_uring_setup,
    libc::SYS_clone3,
];

/// Launches under a tracer. The daemon must be seen to start its runtime, so that the tracer is
/// known to see such a start, and no other process may be.
fn launch_without_runtime(scratch: &Scratch, program: &str) -> Outcome {
    let mut executed = false;
    let mut begun_by = Vec::new();
    let start = scratch.start(program).arg("-d");
    let launch = trace::run(start, |stop| {
        if stop.role == Role::Launcher {
            let threads = status_field(stop.pid, "Threads");
            assert_eq!(threads.as_deref(), Some("1"), "the launcher has one thread");
        }
        let call = system_call(stop.pid);
        executed |= stop.role == Role::Daemon && call == Some(libc::SYS_execve);
        if !call.is_some_and(|call| RUNTIME_BEGINS.contains(&call)) {
            return Action::Go;
        }
        begun_by.push((stop.role, executed));
        match stop.role {
            Role::Daemon => Action::Leave,
            _ => Action::Go,
        }
    });
    assert_eq!(begun_by, [(Role::Daemon, true)], "{launch:?}");
    launch
}

/// The system call at which a traced process has stopped.
fn system_call(pid: i32) -> Option<libc::c_long> {
    let call = fs::read_to_string(format!("/proc/{pid}/syscall")).ok()?;
    call.split_whitespace().next()?.parse().ok()
}

fn ask(scratch: &Scratch) -> io::Result<String> {
    let address = eventually("the server says where it is", || {
        fs::read_to_string(scratch.path("address")).ok()
    });
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(WAIT_TIMEOUT))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

const NEEDS_A_RUNTIME: &str = "`async fn main` needs a runtime attribute, such as \
     `#[tokio::main]`, below `#[daemon::main]`";
const LAUNCH: &str = "use `#[rocket::main] async fn main` instead of `#[rocket::launch]`";

/// These would start the runtime without the attribute.
#[test]
fn unsupported_order_of_attributes_is_refused() {
    // The dependencies of these programs are built here already.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    let target = target.expect("the temporary directory is in that of the build");
    for (program, message) in [
        ("async_std_above", NEEDS_A_RUNTIME),
        ("rocket_launch_above", LAUNCH),
        ("rocket_launch_below", LAUNCH),
    ] {
        let output = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--features", "refused"])
            .args(["--message-format", "short", "--example", program])
            .arg("--target-dir")
            .arg(target)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("run cargo");
        let messages = String::from_utf8_lossy(&output.stderr);
        // An error of the compiler has a code: `error[E0277]: ...`.
        let errors = messages.lines().filter_map(|line| {
            let (place, error) = line.split_once(": error")?;
            place.starts_with("examples/").then_some(error)
        });
        let errors = errors.collect::<Vec<_>>();
        assert_eq!(errors, [format!(": {message}")], "{messages}");
    }
}
