//! The PID file and the log on file systems that fail, fill up or have rules of their own.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::control::stage::OPTIONS as CONTROLLED;
use crate::support::daemon::expect_one_line;
use crate::support::deadline::eventually;
use crate::support::scratch::Scratch;
use crate::support::users::NOBODY;
use crate::support::{lock, requires, users};

#[test]
fn a_stop_after_a_stale_number_stops_the_daemon_alone() {
    let scratch = Scratch::new();
    scratch.write("report.pid", format!("{}\n", scratch.canary()));
    let daemon = scratch.up(scratch.controlled("hang"));
    assert_eq!(scratch.verb("stop").run().code(), 0);
    assert!(!daemon.process.is_alive());
    scratch.expect_order();
}

#[test]
fn of_a_long_file_no_more_is_read_than_a_pid_can_be() {
    if !requires::program("strace") {
        return;
    }
    let scratch = Scratch::new();
    let path = scratch.write("report.pid", "9".repeat(10_000_000));
    let _lock = lock::hold(&path);
    for (arguments, status) in [(["-s", "status"], 4), (["-d", "-d"], 69)] {
        let launch = scratch
            .by(
                "strace",
                &["-f", "--quiet=all", "-o", "trace", "-P", "report.pid"],
                &crate::support::program::path("report"),
            )
            .args(arguments)
            .options(CONTROLLED)
            .run();
        assert_eq!(launch.code(), status, "{launch:?}");
        let trace = scratch.read("trace");
        let reads = trace.lines().filter(|line| line.contains("read"));
        let mut lengths = reads.filter_map(|line| line.rsplit_once(" = ")?.1.parse::<u32>().ok());
        assert!(lengths.all(|length| length <= 64), "{trace}");
    }
}

#[test]
fn an_old_file_on_a_full_disk_is_a_refusal_until_there_is_room() {
    if !requires::root() || !requires::program("unshare") {
        return;
    }
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("mnt")).expect("mkdir");
    let commands = "mount -t tmpfs -o size=4k tmpfs mnt && : >mnt/report.pid || exit 99\n\
                    dd if=/dev/zero of=mnt/full bs=4k count=1 2>&-\n\
                    $0 -d; echo $?\n\
                    rm mnt/full; $0 -d; echo $?";
    let outcome = scratch
        .in_namespaces(&["-m"], commands)
        .options("pid=mnt/report.pid\nready=exec")
        .run();
    assert_eq!(outcome.out_text(), "73\n0\n", "{outcome:?}");
    assert!(outcome.err_text().contains("No space left on device"));
}

#[test]
fn a_write_that_is_cut_short_or_interrupted_leaves_no_half_number() {
    if !requires::program("strace") {
        return;
    }
    for (fault, words) in [
        // Of the newline that is all, of a number it is not.
        ("pwrite64:retval=1", Some("No space left on device")),
        ("pwrite64:error=EINTR:when=1", Some("Interrupted")),
        ("fsync,fdatasync:error=EDQUOT", None),
        ("close:error=EDQUOT", None),
    ] {
        let scratch = Scratch::new();
        scratch.write("report.pid", "1234567\n");
        let path = scratch.path("report.pid");
        let inject = format!("-einject={fault}");
        let path = ["-P", path.to_str().expect("UTF-8"), &inject];
        let launch = scratch.tampered(&path).does("return:0").run();
        match words {
            Some(words) => {
                scratch.expect_refusal(&launch, 73, &["PID file", words]);
                assert!(!scratch.path("report.pid").exists());
            }
            // Nothing depends on what such a call says.
            None => assert_eq!(launch.code(), 0, "{launch:?}"),
        }
        scratch.expect_order();
    }
}

#[test]
fn a_path_with_a_newline_works_and_one_with_a_nul_byte_is_refused() {
    let scratch = Scratch::new();
    let name = OsStr::from_bytes(b"two\nlines.pid");
    let start = scratch.background().options("pid_flag=--pid-file");
    let launch = start.arg("--pid-file").arg(name).run();
    let daemon = scratch.daemon_of(launch, name);
    let second = scratch.background().options("pid_flag=--pid-file");
    let second = second.arg("--pid-file").arg(name).run();
    assert_eq!(second.code(), 69);
    expect_one_line(&second, &[&format!("pid {}", daemon.pid())]);
    // No argument can hold one; an option of the program can.
    let launch = scratch.background().options("pid_and_nul=other.pid").run();
    assert_eq!(launch.code(), 78, "{launch:?}");
    expect_one_line(&launch, &["it holds a NUL byte"]);
}

#[test]
fn a_relative_path_means_another_file_in_another_directory() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.controlled("hang"));
    fs::create_dir(scratch.path("elsewhere")).expect("mkdir");
    for (verb, status) in [("status", 3), ("stop", 0), ("reload", 7)] {
        let outcome = scratch.verb(verb).cwd(scratch.path("elsewhere")).run();
        assert_eq!(outcome.code(), status, "{outcome:?}");
        let said = outcome.out_text() + &outcome.err_text();
        assert!(said.ends_with("not running\n"), "it says so: {said}");
    }
    assert!(daemon.process.is_alive());
    scratch.expect_order();
}

#[test]
fn a_user_whose_umask_forbids_everything_can_start_again() {
    if !users::available() {
        return;
    }
    let scratch = Scratch::new();
    scratch.directory_of(NOBODY, "own");
    let options = CONTROLLED.replace("report.", "own/report.");
    for mask in [0o777, 0o000] {
        for _ in 0..2 {
            let start = scratch.as_user(NOBODY).options(&options).does("hang");
            let start = start.umask(mask);
            let daemon = scratch.daemon_of(start.arg("-d").run(), "own/report.pid");
            let mode = |name| fs::metadata(scratch.path(name)).expect("a file").mode() & 0o7777;
            assert_eq!(mode("own/report.pid"), 0o644);
            assert_eq!(mode("own/report.log"), 0o640);
            let stop = scratch.as_user(NOBODY).options(&options);
            assert_eq!(stop.args(["-s", "stop"]).run().code(), 0);
            assert!(!daemon.process.is_alive());
        }
    }
}

#[test]
fn a_file_system_without_locks_is_a_refusal_that_says_so() {
    if !requires::program("strace") {
        return;
    }
    for errno in ["ENOLCK", "ENOSYS", "EOPNOTSUPP"] {
        let scratch = Scratch::new();
        let path = scratch.write("report.pid", "");
        let inject = format!("-einject=fcntl,flock:error={errno}");
        let path = ["-P", path.to_str().expect("UTF-8"), &inject];
        let launch = scratch.tampered(&path).run();
        scratch.expect_refusal(&launch, 73, &["locks are not supported"]);
        scratch.expect_order();
    }
}

#[test]
fn a_file_of_the_lower_layer_of_an_overlay_has_one_lock_too() {
    if !requires::root() || !requires::program("unshare") {
        return;
    }
    let scratch = Scratch::new();
    // The scratch directory may itself be of a kind that cannot be the upper layer.
    let commands = "mkdir layers merged && mount -t tmpfs tmpfs layers || exit 99\n\
                    mkdir layers/lower layers/upper layers/work\n\
                    echo 1234567 >layers/lower/report.pid\n\
                    mount -t overlay overlay -o \
                    lowerdir=layers/lower,upperdir=layers/upper,workdir=layers/work merged \
                    || exit 99\n\
                    $0 -d; echo $?; $0 -d; echo $?; $0 -s status >status; echo $?\n\
                    $0 -s stop >stop; echo $?; cat layers/lower/report.pid";
    let options = CONTROLLED.replace("pid=", "pid=merged/");
    let outcome = scratch
        .in_namespaces(&["-m"], commands)
        .options(options)
        .does("hang")
        .run();
    assert_eq!(outcome.out_text(), "0\n69\n0\n0\n1234567\n", "{outcome:?}");
}

#[test]
fn a_file_that_must_not_change_is_a_refusal() {
    if !requires::root() || !requires::program("chattr") {
        return;
    }
    for attribute in ["i", "a"] {
        let scratch = Scratch::new();
        let path = scratch.write("report.pid", "1234567\n");
        let chattr = |sign| {
            let chattr = requires::find("chattr").expect("chattr");
            let start = scratch.start_path(&chattr);
            start.arg(format!("{sign}{attribute}")).arg(&path).run()
        };
        if chattr("+").code() != 0 {
            let _may_be_skipped = requires::skip("a file system with attributes");
            return;
        }
        let launch = scratch.background().run();
        // Else nobody could remove it.
        assert_eq!(chattr("-").code(), 0);
        scratch.expect_refusal(&launch, 73, &["PID file", "Operation not permitted"]);
        assert_eq!(scratch.read("report.pid"), "1234567\n");
        scratch.expect_order();
    }
}

#[test]
fn a_reader_of_the_log_that_leaves_takes_no_daemon_with_it() {
    let scratch = Scratch::new();
    let path = scratch.path("report.log");
    mkfifo(&path, Mode::S_IRWXU).expect("mkfifo");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("chmod");
    let mut options = File::options();
    let reader = options.read(true).custom_flags(libc::O_NONBLOCK);
    let reader = reader.open(&path).expect("the reader");
    let steps = "wait:go say-lossy:hello note:alive hang";
    let daemon = scratch.up(scratch.background().does(steps));
    drop(reader);
    scratch.write("go", "");
    eventually("it has met with EPIPE", || {
        scratch.path("alive").exists().then_some(())
    });
    assert!(daemon.process.is_alive());
}
