//! Sockets of a daemon with another user: ports below 1024, and the owner of the file.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use super::free_address;
use crate::support::requires;
use crate::support::users::{HELLO, HELLO_GROUP};

fn privileged_address() -> SocketAddr {
    let free = (600..1024).rev().map(free_address);
    let mut free = free.filter(|address| TcpListener::bind(address).is_ok());
    free.next().expect("a free port below 1024")
}

#[test]
fn port_below_1024_goes_with_a_user() {
    requires!(users);
    let scratch = crate::privileges::stage::scratch();
    let address = privileged_address();
    let options = format!(
        "pid=report.pid\nready=notify\numask=007\nuser=hello\nworkdir=out\nlisten=http={address}\n\
         listen=control=unix:control.sock"
    );
    let steps =
        format!("listener:http={address} listener:control=unix:control.sock ready report stay");
    let start = crate::privileges::stage::start(&scratch, &[]);
    let launch = start.options(options).does(&steps).run();
    scratch.daemon_of(launch, "report.pid");
    TcpStream::connect(address).expect("the daemon listens");
    expect_file(&scratch.path("control.sock"), HELLO, HELLO_GROUP, 0o770);
}

fn expect_file(path: &Path, uid: u32, gid: u32, mode: u32) {
    let file = fs::symlink_metadata(path).expect("a socket");
    assert!(file.file_type().is_socket());
    let found = (file.uid(), file.gid(), file.mode() & 0o7777);
    assert_eq!(found, (uid, gid, mode));
}

#[test]
fn port_below_1024_needs_root() {
    requires!(users);
    let scratch = crate::privileges::stage::scratch();
    let address = privileged_address();
    let options = format!("listen=http={address}");
    let start = scratch.report_as(HELLO).arg("-d").options(options);
    let launch = start.run();
    let words = format!("cannot listen on {address}: a port below 1024 is for root; use a higher");
    // Some containers let every user bind every port.
    if requires::machine(launch.code() != 0, "a limit on ports below 1024") {
        scratch.expect_refusal(&launch, 77, &[&words]);
    }
}

#[test]
fn path_that_may_not_be_written_ends_with_73() {
    requires!(users);
    let scratch = crate::privileges::stage::scratch();
    let options = "listen=control=unix:control.sock";
    let launch = scratch.report_as(HELLO).arg("-d").options(options).run();
    let words = "/control.sock: Permission denied";
    scratch.expect_refusal(&launch, 73, &["cannot listen on unix:", words]);
}

#[test]
fn socket_in_a_directory_of_another_user_is_refused() {
    requires!(users);
    let scratch = crate::privileges::stage::scratch();
    let path = scratch.path("theirs/below");
    fs::create_dir_all(&path).expect("a directory");
    std::os::unix::fs::chown(scratch.path("theirs"), Some(12345), None).expect("chown");
    let options = "pid=report.pid\nlisten=control=unix:theirs/below/control.sock";
    let launch = scratch.background().options(options).run();
    scratch.expect_refusal(&launch, 78, &["cannot use the socket ", "user 12345 owns"]);
}
