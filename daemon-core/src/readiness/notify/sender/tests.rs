use super::*;

use std::fs;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::AtomicU32;

fn fresh_path() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    env::temp_dir().join(format!("daemon-notify-{}-{count}", process::id()))
}

fn named(name: &OsStr) -> Option<Receiver> {
    Receiver::named(name)
}

fn text_received(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 100];
    socket.set_nonblocking(false).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let length = socket.recv(&mut buffer).unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

#[test]
fn socket_in_the_file_system_is_reached() {
    let path = fresh_path();
    let socket = UnixDatagram::bind(&path).unwrap();
    let receiver = named(path.as_os_str()).unwrap();
    receiver.deliver("READY=1", Duration::ZERO).unwrap();
    assert_eq!(text_received(&socket), "READY=1");
    fs::remove_file(&path).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn abstract_socket_is_reached() {
    let name = format!("daemon-notify-test-{}", process::id());
    let socket = UnixDatagram::bind_addr(&abstract_address(name.as_bytes()).unwrap()).unwrap();
    let receiver = named(format!("@{name}").as_ref()).unwrap();
    receiver.deliver("READY=1", Duration::ZERO).unwrap();
    assert_eq!(text_received(&socket), "READY=1");
}

#[test]
fn unsupported_address_is_ignored() {
    let long_path = format!("/{}", "x".repeat(200));
    let long_name = format!("@{}", "x".repeat(200));
    for name in [
        "",
        "@",
        "vsock:2:1234",
        "run/notify",
        &long_path,
        &long_name,
    ] {
        assert!(named(name.as_ref()).is_none(), "{name:?}");
    }
}

#[test]
fn closed_socket_is_an_error_and_no_signal() {
    let path = fresh_path();
    drop(UnixDatagram::bind(&path).unwrap());
    let receiver = named(path.as_os_str()).unwrap();
    let begin = Instant::now();
    let error = receiver.deliver("READY=1", SEND_TIMEOUT).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    fs::remove_file(&path).unwrap();
    let error = receiver.deliver("READY=1", SEND_TIMEOUT).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(begin.elapsed() < SEND_TIMEOUT);
}

/// Fills the queue of a new socket, and says how many messages it took.
fn full_queue() -> (PathBuf, UnixDatagram, Receiver, usize) {
    let path = fresh_path();
    let socket = UnixDatagram::bind(&path).unwrap();
    let receiver = named(path.as_os_str()).unwrap();
    let mut count = 0;
    while receiver.deliver("STATUS=again", Duration::ZERO).is_ok() {
        count += 1;
    }
    (path, socket, receiver, count)
}

#[test]
fn full_queue_blocks_the_sender_for_a_bounded_time() {
    let (path, _socket, receiver, count) = full_queue();
    assert!(count > 0);
    let begin = Instant::now();
    let error = receiver
        .deliver("READY=1", Duration::from_millis(50))
        .unwrap_err();
    assert!(is_full(&error), "{error}");
    assert!(begin.elapsed() >= Duration::from_millis(50));
    assert!(begin.elapsed() < Duration::from_secs(60));
    fs::remove_file(&path).unwrap();
}

#[test]
fn ready_is_not_lost_behind_a_queue_full_of_statuses() {
    let (path, socket, receiver, count) = full_queue();
    let sender = thread::spawn(move || receiver.deliver("READY=1", Duration::from_secs(10)));
    for _ in 0..count {
        assert_eq!(text_received(&socket), "STATUS=again");
    }
    assert_eq!(text_received(&socket), "READY=1");
    sender.join().unwrap().unwrap();
    fs::remove_file(&path).unwrap();
}
