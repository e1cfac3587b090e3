//! A file system whose server is a program of another user: it reports any owner.

use std::fs;

use crate::support::scratch::Scratch;
use crate::support::{constructor, program, requires};

/// Mounts an empty file system in the directory of the first argument, as the user of the second, in
/// which root owns everything. Then it becomes the program that follows.
pub(crate) const FUSE: &str = r#"
    #define _GNU_SOURCE
    #include <errno.h>
    #include <fcntl.h>
    #include <linux/fuse.h>
    #include <signal.h>
    #include <stdio.h>
    #include <string.h>
    #include <sys/mount.h>
    #include <sys/prctl.h>
    #include <sys/stat.h>
    #include <unistd.h>
    #define STATFS 0
    static char request[1 << 17];
    static void answer(int fd, uint64_t unique, int error, const void *data, size_t size) {
        char reply[4096];
        struct fuse_out_header header = { sizeof header + size, error, unique };
        memcpy(reply, &header, sizeof header);
        memcpy(reply + sizeof header, data, size);
        write(fd, reply, sizeof header + size);
    }
    int main(int argc, char **argv) {
        char options[200];
        int fd = open("/dev/fuse", O_RDWR);
        if (fd<0) return 77;
        snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=%s,group_id=0,allow_other", fd, argv[2]);
        if (mount("hello", argv[1], "fuse", MS_NOSUID | MS_NODEV, options)) return 77;
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            struct fuse_in_header *in = (void *) request;
            while (read(fd, request, sizeof request) > 0) {
                if (in->opcode == FUSE_INIT) {
                    struct fuse_init_out out = { .major = 7, .minor = 31, .max_write = 4096 };
                    answer(fd, in->unique, 0, &out, sizeof out);
                } else if (in->opcode == FUSE_GETATTR) {
                    struct fuse_attr_out out = { .attr_valid = 1, .attr = { .ino = 1, .mode = S_IFDIR | 0755, .nlink = 2 } };
                    answer(fd, in->unique, 0, &out, sizeof out);
                } else if (in->opcode == FUSE_LOOKUP) {
                    answer(fd, in->unique, -ENOENT, "", 0);
                } else if (in->opcode == FUSE_STATFS) {
                    struct fuse_statfs_out out = { 0 };
                    answer(fd, in->unique, STATFS, &out, STATFS ? 0 : sizeof out);
                } else
                    answer(fd, in->unique, -ENOSYS, "", 0);
            }
            _exit(0);
        }
        execvp(argv[3], argv + 3);
        return 127;
    }
"#;

/// Fault 216
#[cfg_attr(daemon_fork, ignore = "the mounts are not known there")]
#[test]
fn file_system_of_another_user_is_not_trusted() {
    requires!(users, program("cc"));
    let status_of = |option: &str, user: &str, statfs: &str| {
        let scratch = Scratch::new();
        let server = FUSE.replace("STATFS 0", &format!("STATFS {statfs}"));
        let mount = constructor::wrapper(&scratch, &server);
        let place = scratch.path("place");
        fs::create_dir(&place).expect("mkdir");
        let before = [&mount, &place].map(|path| path.to_str().expect("a path").to_owned());
        let launch = scratch
            .among_users(&program::path("report"), &[&before[0], &before[1], user])
            .arg("-d")
            .options(format!("{option}=place/report.{option}"))
            .run();
        (launch.code(), launch.err_text())
    };
    // The server can refuse to say what it is.
    for statfs in ["0", "-EIO"] {
        let (status, _) = status_of("pid", "0", statfs);
        requires!(machine(status != 77, "a mount of FUSE"));
        // The empty file system of root is trusted, and takes no file.
        assert_eq!(status, 73);
        for option in ["pid", "log"] {
            let (status, text) = status_of(option, "4711", statfs);
            assert_eq!(status, 78, "{text}");
            assert!(
                text.contains("user 4711 mounted the file system of /"),
                "{text}"
            );
        }
    }
}
