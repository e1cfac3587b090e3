//! What another user does between the check of a path and the open, or between the open and the look
//! at the file. A library does it, in the place of that user, at exactly that moment.

use std::fs;

use super::stage::{VICTIM, give, place, state};
use crate::support::outcome::Outcome;
use crate::support::scratch::Scratch;
use crate::support::users::{HELLO, HELLO_GROUP};
use crate::support::{constructor, program, requires};

/// `before` and `after` are what happens at the first open of a path with this end.
fn at_the_open_of(end: &str, before: &str, after: &str) -> String {
    format!(
        r#"
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <fcntl.h>
    #include <stdarg.h>
    #include <string.h>
    #include <sys/stat.h>
    #include <unistd.h>
    static int ends(const char *path) {{
        size_t length = strlen(path), end = strlen("{end}");
        return length > end && !strcmp(path + length - end, "{end}");
    }}
    int open64(const char *path, int flags, ...) {{
        int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open64");
        va_list more;
        va_start(more, flags);
        int mode = va_arg(more, int);
        va_end(more);
        int done = ends(path) ? real("done", O_CREAT | O_EXCL | O_WRONLY, 0600) : -1;
        if (done < 0)
            return real(path, flags, mode);
        close(done);
        {before}
        int opened = real(path, flags, mode);
        {after}
        return opened;
    }}
"#
    )
}

/// Fault 220: without `fs.protected_hardlinks` the user of the daemon can link any file.
#[test]
fn hard_link_removed_after_the_open_is_not_the_log() {
    requires!(preload, users, program("cc"));
    for after in ["unlink(path);", r#"rename("place/own", path);"#] {
        let scratch = Scratch::new();
        place(&scratch, HELLO, 0o755);
        let victim = scratch.write("victim", VICTIM);
        give(&victim, 0, 0o644);
        give(&scratch.write("place/own", ""), HELLO, 0o644);
        fs::hard_link(&victim, scratch.path("place/report.log")).expect("link");
        let before = state(&victim);
        let library = at_the_open_of("/place/report.log", "", after);
        let library = constructor::library(&scratch, &library);
        let start = scratch.among_users(&program::path("report"), &[]).arg("-d");
        let start = start.options("pid=report.pid\nlog=place/report.log\nuser=hello");
        let launch = start
            .env("LD_PRELOAD", library)
            .does("complain:hello stay")
            .run();
        scratch.daemon_of(launch, "report.pid").stop();
        assert_eq!(state(&victim), before);
        assert!(scratch.path("done").exists(), "it was opened");
        assert_eq!(scratch.read("place/report.log"), "hello\n");
    }
}

/// Fault 220, by a symbolic link of root's that gets a second name.
#[test]
fn hard_link_to_a_symbolic_link_is_not_followed() {
    requires!(users);
    let scratch = Scratch::new();
    place(&scratch, 0, 0o1777);
    let victim = scratch.write("victim", VICTIM);
    std::os::unix::fs::symlink(&victim, scratch.path("link")).expect("symlink");
    fs::hard_link(scratch.path("link"), scratch.path("place/report.log")).expect("link");
    let before = state(&victim);
    let launch = scratch
        .background()
        .options("pid=report.pid\nlog=place/report.log")
        .run();
    scratch.expect_refusal(&launch, 78, &["hard link", "place/report.log"]);
    fs::remove_file(scratch.path("place/report.log")).expect("remove");
    // And on the way.
    let directory = scratch.path("directory");
    fs::create_dir(&directory).expect("mkdir");
    std::os::unix::fs::symlink(&directory, scratch.path("way")).expect("symlink");
    fs::hard_link(scratch.path("way"), scratch.path("place/way")).expect("link");
    let launch = scratch
        .background()
        .options("pid=report.pid\nlog=place/way/report.log")
        .run();
    scratch.expect_refusal(&launch, 78, &["hard link", "place/way/report.log"]);
    assert_eq!(state(&victim), before);
}

/// A start with a file in a directory below one that all users can write to. At the open this happens.
fn start_in_sticky(scratch: &Scratch, end: &str, option: &str, at_the_open: &str) -> Outcome {
    fs::create_dir(scratch.path("sticky")).expect("mkdir");
    give(&scratch.path("sticky"), 0, 0o1777);
    if at_the_open.starts_with("chown") {
        fs::create_dir(scratch.path("sticky/d")).expect("mkdir");
        give(&scratch.path("sticky/d"), 0, 0o755);
    }
    let library = constructor::library(scratch, &at_the_open_of(end, at_the_open, ""));
    let options = format!("{option}={}", end[1..].trim_end_matches(".new"));
    let start = scratch.background().options(options);
    start.env("LD_PRELOAD", library).does("stay").run()
}

const IN_STICKY: [(&str, &str); 2] = [
    ("log", "/sticky/d/report.log"),
    ("pid", "/sticky/d/report.pid.new"),
];

/// Fault 221
#[test]
fn directory_that_is_foreign_after_the_open_is_refused() {
    requires!(preload, users, program("cc"));
    for (option, end) in IN_STICKY {
        let scratch = Scratch::new();
        let give = format!(r#"chown("sticky/d", {HELLO}, {HELLO_GROUP});"#);
        let launch = start_in_sticky(&scratch, end, option, &give);
        scratch.expect_refusal(&launch, 78, &["user 4711 owns the directory", "sticky/d"]);
        assert!(scratch.path("done").exists(), "it was opened");
    }
}

/// Fault 258: by a link in such a directory, root would make the file anywhere, and give it away.
#[test]
fn file_in_a_missing_directory_is_never_opened() {
    requires!(preload, users, program("cc"));
    for (option, end) in IN_STICKY {
        let scratch = Scratch::new();
        let make = r#"mkdir("sticky/d", 0755);"#;
        let launch = start_in_sticky(&scratch, end, option, make);
        scratch.expect_refusal(&launch, 73, &["sticky/d does not exist"]);
        assert!(!scratch.path("done").exists(), "it was opened");
    }
}
