//! A service manager at the other end.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use super::stage::notify;
use crate::support::scratch::Scratch;

#[test]
fn foreground_notifies_the_service_manager() {
    let scratch = Scratch::new();
    let path = scratch.path("manager");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    let name = format!("daemon-test-manager-{}", scratch.mark());
    let abstract_address = SocketAddr::from_abstract_name(&name).expect("an address");
    let abstract_manager = UnixDatagram::bind_addr(&abstract_address).expect("a socket");
    let dead = scratch.path("dead");
    drop(UnixDatagram::bind(&dead).expect("a socket"));
    for (address, manager) in [
        (path.display().to_string(), Some(&manager)),
        (format!("@{name}"), Some(&abstract_manager)),
        (dead.display().to_string(), None),
        ("vsock:2:1234".to_owned(), None),
        (format!("/{}", "x".repeat(200)), None),
    ] {
        let start = scratch.report().env("NOTIFY_SOCKET", &address);
        let outcome = start.does("status:up extend:2 ready").run();
        assert_eq!((outcome.code(), &*outcome.err_text()), (0, ""), "{address}");
        for message in ["STATUS=up", "EXTEND_TIMEOUT_USEC=2000", "READY=1"] {
            let Some(manager) = manager else { break };
            let mut buffer = [0; 100];
            manager.set_nonblocking(true).expect("nonblocking");
            let length = manager.recv(&mut buffer).expect(message);
            assert_eq!(String::from_utf8_lossy(&buffer[..length]), message);
        }
    }
}

#[test]
fn stopping_does_not_end_the_wait() {
    let scratch = Scratch::new();
    let path = scratch.path("manager");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    let start = scratch.report().env("NOTIFY_SOCKET", &path);
    assert_eq!(start.does("ready stopping").run().code(), 0);
    let message = || {
        let mut buffer = [0; 100];
        let length = manager.recv(&mut buffer).expect("a message");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    assert_eq!(message(), "READY=1");
    assert_eq!(message(), "STOPPING=1");
    // The launcher waits for the end of the daemon only.
    let scratch = Scratch::new();
    scratch.up(notify(&scratch, "stopping ready stay"));
    let launch = notify(&scratch, "stopping exit:3")
        .options("ready=notify")
        .run();
    assert_eq!(launch.code(), 3, "{launch:?}");
}
