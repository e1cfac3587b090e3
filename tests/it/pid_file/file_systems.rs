//! PID files on file systems that fail, fill up or have rules of their own.

use std::fs;

use crate::control::stage::OPTIONS as CONTROLLED;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::{constructor, requires};

#[test]
fn old_file_on_a_full_disk_is_refused() {
    requires!(namespaces);
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
fn short_write_leaves_no_partial_pid() {
    requires!(strace);
    for (fault, words) in [
        // One byte is the whole newline, but not a whole pid.
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
        let launch = scratch.background().does("return:0").traced(&path).run();
        match words {
            Some(words) => {
                scratch.expect_refusal(&launch, 73, &["PID file", words]);
                assert!(!scratch.path("report.pid").exists());
            }
            // The result of such a call changes nothing.
            None => assert_eq!(launch.code(), 0, "{launch:?}"),
        }
        scratch.expect_order();
    }
}

#[test]
fn file_system_without_locks_is_refused() {
    requires!(strace);
    for errno in ["ENOLCK", "ENOSYS", "EOPNOTSUPP"] {
        let scratch = Scratch::new();
        let path = scratch.write("report.pid", "");
        let inject = format!("-einject=fcntl,flock:error={errno}");
        let path = ["-P", path.to_str().expect("UTF-8"), &inject];
        let launch = scratch.background().traced(&path).run();
        scratch.expect_refusal(&launch, 73, &["locks are not supported"]);
        scratch.expect_order();
    }
}

#[test]
fn file_on_an_overlay_has_one_lock() {
    requires!(namespaces);
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
fn immutable_file_is_refused() {
    requires!(root, program("chattr"));
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
        // An immutable file cannot be removed.
        assert_eq!(chattr("-").code(), 0);
        scratch.expect_refusal(&launch, 73, &["PID file", "Operation not permitted"]);
        assert_eq!(scratch.read("report.pid"), "1234567\n");
        scratch.expect_order();
    }
}

/// A folder of the host of a virtual machine, for example: every file has the mode of the mount.
const WITHOUT_MODES: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/stat.h>
int statx(int directory, const char *path, int flags, unsigned mask, struct statx *file) {
    int (*real)(int, const char *, int, unsigned, struct statx *) = dlsym(RTLD_NEXT, "statx");
    int result = real(directory, path, flags, mask, file);
    if (!result && S_ISREG(file->stx_mode))
        file->stx_mode |= 0755;
    return result;
}
int fchmod(int file, mode_t mode) {
    return 0;
}
"#;

#[test]
fn file_system_without_modes_holds_a_pid_file() {
    requires!(preload);
    let scratch = Scratch::new();
    let library = constructor::library(&scratch, WITHOUT_MODES);
    let with = |start: Start| {
        start
            .options(CONTROLLED)
            .env("LD_PRELOAD", &library)
            .does("hang")
    };
    for _ in 0..2 {
        scratch.up(with(scratch.background()));
        assert_eq!(with(scratch.background()).run().code(), 69);
        assert_eq!(with(scratch.verb("stop")).run().code(), 0);
    }
}
