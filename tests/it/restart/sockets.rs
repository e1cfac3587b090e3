//! The sockets of `listen`, which the supervisor keeps.

use std::fs;
use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::stage::{LONG_DELAY, OPTIONS};
use crate::listen::handed_over::with_inherited;
use crate::support::daemon::read_report;
use crate::support::deadline::{End, WAIT_TIMEOUT, eventually};
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::tools::Strace;

/// Crashes the daemon while clients connect without a pause. Each of them gets a connection.
fn expect_no_refusal<C: Read>(
    start: Start,
    scratch: &Scratch,
    connect: fn(&Scratch, &str) -> io::Result<C>,
) {
    let mut up = scratch.up_supervised(start);
    let address = eventually("the daemon serves", || {
        let note = fs::read_to_string(scratch.path("http")).ok()?;
        let (address, rest) = note.rsplit_once(' ')?;
        rest.parse::<i32>().is_ok().then(|| address.to_owned())
    });
    let is_over = AtomicBool::new(false);
    let crashes = if std::env::var_os("TEST_LONG").is_some() {
        100
    } else {
        10
    };
    thread::scope(|scope| {
        let clients = scope.spawn(|| {
            let (mut answers, mut lost) = (0, 0);
            // The last run stays, and answers.
            while answers == 0 || !is_over.load(Ordering::Relaxed) {
                let mut client = connect(scratch, &address).expect("a connection");
                let mut answer = String::new();
                if let Err(error) = client.read_to_string(&mut answer) {
                    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
                }
                if answer == "hello" {
                    answers += 1;
                } else {
                    lost += 1;
                }
            }
            (answers, lost)
        });
        let end = End(&is_over);
        for _ in 0..crashes {
            scratch.crash(&mut up);
        }
        drop(end);
        // What a crashed run had accepted is lost: one client, since the next one comes after it.
        let (answers, lost) = clients.join().expect("the clients");
        assert!(lost <= crashes, "{answers} answers, {lost} lost");
    });
}

fn connect_tcp(_: &Scratch, address: &str) -> io::Result<TcpStream> {
    let client = TcpStream::connect(address)?;
    client.set_read_timeout(Some(WAIT_TIMEOUT))?;
    Ok(client)
}

fn connect_unix(scratch: &Scratch, _: &str) -> io::Result<UnixStream> {
    let client = UnixStream::connect(scratch.path("http.sock"))?;
    client.set_read_timeout(Some(WAIT_TIMEOUT))?;
    Ok(client)
}

#[test]
fn no_client_is_refused_while_the_daemon_crashes() {
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\nlisten=http=127.0.0.1:0");
    let start = scratch.supervised(&options, "serve:http=127.0.0.1:0");
    expect_no_refusal(start, &scratch, connect_tcp);
}

#[test]
fn no_client_of_a_unix_socket_is_refused() {
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\nlisten=http=unix:http.sock");
    let start = scratch.supervised(&options, "serve:http=unix:http.sock");
    expect_no_refusal(start, &scratch, connect_unix);
}

#[test]
fn no_client_of_a_tokio_server_is_refused() {
    let scratch = Scratch::new();
    let start = scratch.start("tokio_sockets").arg0("report").arg("-d");
    expect_no_refusal(start, &scratch, connect_tcp);
}

#[test]
fn removed_unix_socket_is_bound_anew_for_the_next_run() {
    let scratch = Scratch::new();
    let options =
        format!("{OPTIONS}\nlisten=http=unix:sockets/http.sock\nlisten=other=127.0.0.1:0");
    fs::create_dir(scratch.path("sockets")).expect("mkdir");
    let steps = "listener:other=127.0.0.1:0 serve:http=unix:sockets/http.sock";
    let mut up = scratch.up_supervised(scratch.supervised(&options, steps));
    let path = scratch.path("sockets/http.sock");
    let serves = || {
        let mut client = UnixStream::connect(&path).ok()?;
        let mut answer = String::new();
        client.read_to_string(&mut answer).ok()?;
        (answer == "hello").then_some(())
    };
    eventually("the daemon serves", serves);
    let other = scratch.read("other");
    fs::remove_file(&path).expect("remove");
    scratch.crash(&mut up);
    eventually("the next run serves", serves);
    assert_eq!(scratch.read("other"), other, "it is the same socket");
    // Where it cannot be bound, the run fails, and is tried again.
    fs::rename(scratch.path("sockets"), scratch.path("away")).expect("rename");
    up.run.signal(nix::sys::signal::Signal::SIGKILL);
    scratch.expect_line("/http.sock: the directory ");
    fs::rename(scratch.path("away"), scratch.path("sockets")).expect("rename");
    eventually("the daemon serves again", serves);
    assert_eq!(scratch.read("other"), other);
}

#[test]
fn program_without_the_variables_gets_its_sockets() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("control_flag=-s\n", "");
    let options = format!("{options}\nlisten=http=unix:http.sock");
    let start = scratch.report().arg("-b").options(options);
    let start = start.does("serve:http=unix:http.sock");
    let before = "unset:LISTEN_PID unset:LISTEN_FDS unset:LISTEN_FDNAMES";
    let start = start.env("TEST_START", "start").env("TEST_BEFORE", before);
    let mut up = scratch.up_supervised(start);
    let serves = || {
        let mut client = connect_unix(&scratch, "").ok()?;
        let mut answer = String::new();
        client.read_to_string(&mut answer).ok()?;
        (answer == "hello").then_some(())
    };
    eventually("the first run serves", serves);
    scratch.crash(&mut up);
    eventually("the next run serves", serves);
    // The supervisor knows which of its descriptors this is.
    fs::remove_file(scratch.path("http.sock")).expect("remove");
    scratch.crash(&mut up);
    eventually("the run after that serves", serves);
    assert!(!scratch.read("report.log").contains("in use"));
}

#[test]
fn socket_of_a_short_first_run_stays() {
    let scratch = Scratch::new();
    let options = LONG_DELAY.replace("ready=exec\n", "");
    let options = options.replace("on-failure", "always");
    let options = format!("{options}\nlisten=http=unix:http.sock");
    let launch = scratch.supervised(&options, "return:0").run();
    assert_eq!(launch.code(), 0, "{launch:?}");
    UnixStream::connect(scratch.path("http.sock")).expect("the supervisor listens");
}

#[test]
fn run_gets_no_flag_of_the_run_before() {
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\nlisten=http=127.0.0.1:0");
    let steps = "report nonblocking-listener:http=127.0.0.1:0 hang";
    let mut up = scratch.up_supervised(scratch.supervised(&options, steps));
    let marks = ["report.json", "http-nonblocking"].map(|name| scratch.path(name));
    eventually("the first run has set the flag", || {
        marks.iter().all(|mark| mark.exists()).then_some(())
    });
    fs::remove_file(&marks[0]).expect("the report");
    scratch.crash(&mut up);
    let report = eventually("the next run has reported", || {
        marks[0].exists().then(|| read_report(&marks[0]))
    });
    let socket = report.descriptor(3).expect("a socket");
    assert_eq!(socket.flags & libc::O_NONBLOCK, 0);
}

#[test]
fn socket_that_a_run_has_shut_down_serves_again() {
    for (address, connect) in [
        ("127.0.0.1:0", server_by_tcp as fn(&Scratch) -> _),
        ("unix:http.sock", server_by_unix),
    ] {
        let scratch = Scratch::new();
        let options = format!("{OPTIONS}\nlisten=http={address}");
        let steps = format!("serve-once:http={address} exit:1");
        scratch.up_supervised(scratch.supervised(&options, &steps));
        // One run after another.
        for _ in 0..3 {
            eventually("a run answers", || {
                let mut answer = String::new();
                connect(&scratch)?.read_to_string(&mut answer).ok()?;
                (answer == "hello").then_some(())
            });
        }
    }
}

#[test]
fn start_beside_an_ending_supervisor_gets_its_sockets() {
    requires!(root, strace);
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\nlisten=http=unix:http.sock");
    let steps = "serve:http=unix:http.sock";
    let up = scratch.up_supervised(scratch.supervised(&options, steps));
    // Its last call comes late.
    let late = ["-e", "inject=exit_group:delay_enter=1000000"];
    let strace = Strace::attach(&scratch, up.supervisor.pid(), &late);
    up.supervisor.signal(nix::sys::signal::Signal::SIGTERM);
    eventually("the PID file is removed", || {
        (!scratch.path("report.pid").exists()).then_some(())
    });
    let start = scratch.supervised(&options, steps).run();
    assert!(up.supervisor.is_alive(), "the start came too late");
    assert_eq!(start.code(), 0, "{start:?}");
    drop(strace);
    up.supervisor.wait_for_end();
    eventually("the new daemon serves", || {
        let mut answer = String::new();
        connect_unix(&scratch, "")
            .ok()?
            .read_to_string(&mut answer)
            .ok()?;
        (answer == "hello").then_some(())
    });
}

fn server_by_tcp(scratch: &Scratch) -> Option<Box<dyn Read>> {
    let note = scratch.read("http");
    let (address, _) = note.rsplit_once(' ')?;
    Some(Box::new(connect_tcp(scratch, address).ok()?))
}

fn server_by_unix(scratch: &Scratch) -> Option<Box<dyn Read>> {
    Some(Box::new(connect_unix(scratch, "").ok()?))
}

#[test]
fn socket_of_a_service_manager_stays_as_it_is() {
    let scratch = Scratch::new();
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let address = socket.local_addr().expect("an address").to_string();
    let options = format!("{OPTIONS}\nlisten=http=unix:http.sock");
    let start = scratch.supervised(&options, &format!("serve:http={address}"));
    let start = with_inherited(&scratch, "http", socket, start);
    let mut up = scratch.up_supervised(start);
    scratch.crash(&mut up);
    let mut client = connect_tcp(&scratch, &address).expect("a connection");
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("an answer");
    assert_eq!(answer, "hello");
    assert!(!scratch.path("http.sock").exists());
}
