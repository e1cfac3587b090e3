//! Programs that lie in odd places or do not stay there.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::control::stage::OPTIONS as CONTROLLED;
use crate::support::daemon::read_report;
use crate::support::scratch::Scratch;
use crate::support::users::UNPRIVILEGED;
use crate::support::{program, requires};

fn inode(path: &Path) -> (u64, u64) {
    let file = fs::metadata(path).expect("a file");
    (file.dev(), file.ino())
}

#[test]
fn restart_runs_the_file_of_that_name() {
    requires!(linux("the arguments of a process"));
    let scratch = Scratch::new();
    let copy = scratch.copy_program(&program::path("report"), "program");
    let new = scratch.copy_program(&program::path("report"), "new");
    let run = |words: &[&str]| {
        let start = scratch.report().via(&copy).options(CONTROLLED);
        start.args(words).run()
    };
    let daemon = scratch.daemon_of(run(&["-d"]), "report.pid");
    let old = inode(&copy);
    assert_eq!(daemon.report().image, old);
    fs::rename(&new, &copy).expect("an upgrade");
    fs::remove_file(scratch.path("report.json")).expect("the report");
    let daemon = scratch.daemon_of(run(&["-s", "restart"]), "report.pid");
    assert_ne!(inode(&copy), old);
    assert_eq!(daemon.report().image, inode(&copy));
    scratch.expect_order();
}

#[test]
fn running_program_cannot_be_written() {
    let scratch = Scratch::new();
    let copy = scratch.copy_program(&program::path("report"), "program");
    let start = scratch.report().via(&copy).arg("-d");
    let daemon = scratch.up(start);
    let error = File::options()
        .write(true)
        .open(&copy)
        .expect_err("it is open for writing");
    assert_eq!(error.raw_os_error(), Some(libc::ETXTBSY));
    assert!(daemon.process.is_alive());
}

#[test]
fn chroot_without_proc_or_dev_is_refused() {
    requires!(
        linux("the image without its path"),
        namespaces,
        program("chroot")
    );
    for (null, words) in [
        ("true", "/dev/null"),
        ("mknod jail/dev/null c 1 3", "/proc"),
    ] {
        let scratch = Scratch::new();
        // All of the system but what is mounted in it, and so without `/proc`.
        let commands = format!(
            "mkdir jail && mount --bind / jail && mount -t tmpfs tmpfs jail/mnt && \
             cp \"$0\" jail/mnt/report && mount -t tmpfs tmpfs jail/dev && {null} || exit 99\n\
             exec chroot jail /mnt/report -d"
        );
        let launch = scratch
            .in_namespaces(&["-m"], &commands)
            .options("pid=/mnt/report.pid")
            .run();
        scratch.expect_refusal(&launch, 71, &[words]);
        scratch.expect_order();
    }
}

#[test]
fn program_starts_by_any_name_from_any_directory() {
    let scratch = Scratch::new();
    let copy = scratch.copy_program(&program::path("report"), "program");
    symlink(&copy, scratch.path("link")).expect("symlink");
    fs::hard_link(&copy, scratch.path("another")).expect("link");
    fs::create_dir(scratch.path("below")).expect("mkdir");
    let directory = scratch.dir().display();
    for (command, name) in [
        ("./program -d", "./program".to_owned()),
        ("./link -d", "./link".to_owned()),
        ("./another -d", "./another".to_owned()),
        ("PATH=$PWD:$PATH link -d", "link".to_owned()),
        ("cd below && ../program -d", "../program".to_owned()),
        ("exec -a '' \"$PWD/program\" -d", String::new()),
        (
            "$PWD/below/.././link -d",
            format!("{directory}/below/.././link"),
        ),
    ] {
        // `dash` has no `exec -a`.
        let shell = if command.starts_with("exec -a") {
            "bash"
        } else {
            "sh"
        };
        requires!(program(shell));
        let options = format!("pid={directory}/report.pid\nlog={directory}/report.log");
        let start = scratch.report().via(&copy).under(&[shell, "-c", command]);
        let start = start.options(options);
        let daemon = scratch.up(start);
        let report = daemon.report();
        assert_eq!(report.image, inode(&copy), "{command}");
        assert_eq!(report.arguments, [name.into_bytes()]);
        daemon.stop();
        fs::remove_file(scratch.path("report.json")).expect("the report");
    }
    scratch.expect_order();
}

#[test]
fn program_without_a_file_name_starts() {
    requires!(linux("the image without its path"));
    let scratch = Scratch::new();
    let bytes = fs::read(program::path("report")).expect("the program");
    let anonymous = memfd_create("anonymous", MFdFlags::MFD_CLOEXEC).expect("a memfd");
    let mut file = File::from(anonymous);
    file.write_all(&bytes).expect("write");
    // A file that is open for writing cannot be executed.
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let anonymous: OwnedFd = File::open(path).expect("open it again").into();
    drop(file);
    let (own, fd) = (std::process::id(), anonymous.as_raw_fd());
    let path = format!("/proc/{own}/fd/{fd}");
    let daemon = scratch.up(scratch.report().via(Path::new(&path)).arg("-d"));
    assert!(daemon.report().exe.starts_with(b"/memfd:anonymous"));
    daemon.stop();
    fs::remove_file(scratch.path("report.json")).expect("the report");

    // A file that was deleted before the start.
    let copy = scratch.copy_program(&program::path("report"), "program");
    let open = File::open(&copy).expect("the copy");
    fs::remove_file(&copy).expect("delete it");
    let path = format!("/proc/{own}/fd/{}", open.as_raw_fd());
    let daemon = scratch.up(scratch.report().via(Path::new(&path)).arg("-d"));
    assert!(daemon.report().exe.ends_with(b"program (deleted)"));
    scratch.expect_order();
}

#[test]
fn unreadable_directory_is_kept() {
    requires!(users);
    let scratch = Scratch::new();
    let own = scratch.directory_of(UNPRIVILEGED, "own");
    scratch.directory_of(0, "own/closed");
    // The directory has search permission only.
    fs::set_permissions(
        own.join("closed"),
        std::os::unix::fs::PermissionsExt::from_mode(0o711),
    )
    .expect("chmod");
    let options = format!("pid={0}/report.pid\nlog={0}/report.log", own.display());
    let start = scratch.report_as(UNPRIVILEGED).arg("-d").options(options);
    let start = start.env("TEST_REPORT", own.join("report.json"));
    let launch = start.cwd(own.join("closed")).run();
    scratch.daemon_of(launch, "own/report.pid");
    let report = read_report(&own.join("report.json"));
    assert_eq!(
        Path::new(std::str::from_utf8(&report.cwd).expect("UTF-8")),
        own.join("closed")
    );
}

#[test]
fn workdir_does_not_pin_the_directory_of_the_caller() {
    requires!(namespaces);
    let scratch = Scratch::new();
    let commands = "mkdir mnt && mount -t tmpfs tmpfs mnt || exit 99\n\
                    at=$PWD; cd mnt; $0 -d || exit 98\n\
                    cd ..; umount mnt || exit 97\n\
                    $0 -s status";
    let options = CONTROLLED.replace(
        "pid=report",
        &format!("pid={}/report", scratch.dir().display()),
    );
    let options = options.replace(
        "log=report",
        &format!("log={}/report", scratch.dir().display()),
    );
    let outcome = scratch
        .in_namespaces(&["-m"], commands)
        .options(options + "\nworkdir=/")
        .does("hang")
        .run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    scratch.expect_order();
}

#[test]
fn program_copied_up_by_an_overlay_starts() {
    requires!(namespaces);
    let scratch = Scratch::new();
    let commands = "mkdir layers merged && mount -t tmpfs tmpfs layers || exit 99\n\
                    mkdir layers/lower layers/upper layers/work\n\
                    cp $0 layers/lower/program\n\
                    mount -t overlay overlay -o \
                    lowerdir=layers/lower,upperdir=layers/upper,workdir=layers/work merged \
                    || exit 99\n\
                    test ! -e layers/upper/program && merged/program -d && \
                    test -e layers/upper/program";
    let launch = scratch
        .in_namespaces(&["-m"], commands)
        .options("log=report.log\npid_and_copy_up=report.pid")
        .run();
    let daemon = scratch.daemon_of(launch, "report.pid");
    let report = daemon.report();
    assert_eq!(report.comm, b"program");
    scratch.expect_order();
}
