//! The address at which a launcher listens, from other root directories and after its end.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;

use nix::fcntl::AT_FDCWD;
use nix::sys::signal::Signal;
use nix::sys::stat::{UtimensatFlags::FollowSymlink, utimensat};
use nix::sys::time::TimeSpec;

use super::stage::{address, notify, waiting};
use crate::support::constructor;
use crate::support::daemon::read_report;
use crate::support::deadline::eventually;
use crate::support::process::Process;
use crate::support::requires;
use crate::support::scratch::Scratch;

#[test]
fn daemon_that_calls_chroot_is_heard() {
    requires!(linux("chroot"), root);
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("root")).expect("mkdir");
    let steps = "report chroot:root status:inside extend:1 ready hang";
    scratch.up(notify(&scratch, steps)).report();
}

#[test]
fn reused_address_receives_nothing() {
    requires!(linux("a known address"));
    let scratch = Scratch::new();
    let steps = "report ready wait:now status:on ready stopping note:done stay";
    let report = scratch.up(notify(&scratch, steps)).report();
    let address = address(&report);
    let stranger = UnixDatagram::bind(&address).expect("the address is free");
    scratch.write("now", "");
    eventually("it has said all", || {
        scratch.path("done").exists().then_some(())
    });
    stranger.set_nonblocking(true).expect("nonblocking");
    let heard = stranger.recv(&mut [0; 100]);
    fs::remove_file(address).expect("the socket");
    assert!(heard.is_err(), "{heard:?}");
}

/// Root gives the socket away by its path.
#[test]
fn socket_is_made_where_no_user_can_replace_it() {
    requires!(linux("a known address"), namespaces);
    let scratch = Scratch::new();
    let commands = "mount -t tmpfs -o mode=0777 none /dev/shm && exec $0 -d";
    let start = scratch.in_namespaces(&["-m"], commands);
    let start = start.options("pid=report.pid\nlog=report.log\nready=notify");
    let daemon = scratch.up(start.does("report ready hang"));
    let address = address(&daemon.report());
    assert!(!address.starts_with("/dev/shm"), "{address:?}");
}

/// The file of the socket has its mode from the beginning, whatever the umask.
const MODE_AT_THE_BIND: &str = r#"
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <stdio.h>
    #include <sys/socket.h>
    #include <sys/stat.h>
    #include <sys/un.h>
    int bind(int fd, const struct sockaddr *address, socklen_t length) {
        int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
        int bound = real(fd, address, length);
        struct stat file;
        if (!bound && !stat(((const struct sockaddr_un *) address)->sun_path, &file)) {
            FILE *mode = fopen("mode", "w");
            fprintf(mode, "%o", file.st_mode & 07777);
            fclose(mode);
        }
        return bound;
    }
"#;

#[test]
fn socket_is_never_open_to_other_users() {
    requires!(preload, linux("the mode of a socket"), program("cc"));
    let scratch = Scratch::new();
    let library = constructor::library(&scratch, MODE_AT_THE_BIND);
    let start = notify(&scratch, "ready stay").umask(0);
    scratch.up(start.env("LD_PRELOAD", library));
    assert_eq!(scratch.read("mode"), "600");
}

#[test]
fn socket_of_a_killed_launcher_is_removed() {
    requires!(linux("socket names of the launcher alone"));
    let scratch = Scratch::new();
    let (launch, report) = waiting(&scratch, "report stay");
    launch.signal(Signal::SIGKILL);
    launch.wait();
    let left = address(&report);
    assert!(left.exists());
    Process::open(report.pid)
        .expect("a live daemon")
        .signal(Signal::SIGKILL);
    let next = || {
        let start = notify(&scratch, "ready stay").options("ready=notify");
        assert_eq!(start.run().code(), 0);
    };
    next();
    assert!(
        left.exists(),
        "it may belong to a launcher that is about to begin"
    );
    let time = TimeSpec::new(1_000_000_000, 0);
    utimensat(AT_FDCWD, &left, &time, &time, FollowSymlink).expect("an old socket");
    next();
    assert!(!left.exists());
}

#[test]
fn unset_notify_socket_still_is_ready() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nready=notify";
    let steps = "unset:NOTIFY_SOCKET ready child report stay";
    let daemon = scratch.up(scratch.background().options(options).does(steps));
    assert_eq!(daemon.report().variable("NOTIFY_SOCKET"), None);
    let child = read_report(&scratch.path("child.json"));
    assert_eq!(child.variable("NOTIFY_SOCKET"), None);
}

#[test]
fn ready_is_heard_below_another_root_directory() {
    requires!(linux("chroot"), root);
    let scratch = Scratch::new();
    let options = "pid=report.pid\nready=notify\nchroot=/";
    let start = scratch.background().options(options);
    let daemon = scratch.up(start.does("report ready stay"));
    assert_eq!(daemon.report().variable("NOTIFY_SOCKET"), None);
}

#[test]
fn socket_of_the_launcher_is_its_users_alone() {
    requires!(linux("a socket in the file system"));
    let scratch = Scratch::new();
    let (launch, report) = waiting(&scratch, "report stay");
    let mode = fs::metadata(address(&report)).expect("the socket").mode();
    assert_eq!(mode & 0o777, 0o600);
    launch.signal(Signal::SIGTERM);
    launch.wait();
}

#[test]
fn program_that_closed_all_descriptors_is_heard() {
    requires!(linux("a known address"));
    let scratch = Scratch::new();
    let start = notify(&scratch, "close-all ready stay").options("ready=notify");
    assert_eq!(start.run().code(), 0);
}
