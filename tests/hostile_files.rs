//! What somebody else has put in the place of the PID file or the log: refused, and untouched.
//!
//! The kernel has protections of its own (`fs.protected_symlinks` and its like, which see sticky
//! directories only); most places here are such that they do not apply, so that it is this program
//! that refuses.

#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    reason = "a broken expectation is how a test fails"
)]

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use nix::sys::stat::Mode;
use nix::unistd::{chown, mkfifo};
use support::deadline::eventually;
use support::scratch::Scratch;
use support::start::Start;
use support::users::{CREW, HELLO, NOBODY};
use support::{program, requires, users};

const VICTIM: &str = "victim\n";

/// Everything about a file that an attack could change.
#[derive(Debug, PartialEq)]
struct State {
    content: Vec<u8>,
    owner: (u32, u32),
    mode: u32,
    modified: (i64, i64),
}

fn state(path: &Path) -> State {
    let metadata = fs::symlink_metadata(path).expect("the victim");
    State {
        content: fs::read(path).expect("the victim"),
        owner: (metadata.uid(), metadata.gid()),
        mode: metadata.mode(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
    }
}

/// Who starts the program.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Starter {
    Root,
    Nobody,
}

use Starter::{Nobody, Root};

impl Starter {
    fn uid(self) -> u32 {
        if self == Root { 0 } else { NOBODY }
    }

    fn start(self, scratch: &Scratch) -> Start {
        let program = program::path("report");
        let start = match self {
            Root => scratch.start_path(&program),
            Nobody => {
                // The program itself may lie where only root can go.
                let copy = scratch.path("report");
                let copy = if copy.exists() {
                    copy
                } else {
                    scratch.copy_program(&program, "report")
                };
                let setpriv = requires::find("setpriv").expect("setpriv");
                scratch
                    .start_path(&setpriv)
                    .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
                    .arg(copy)
            }
        };
        start.arg("-d").does("stay")
    }
}

/// A directory with an owner and a mode.
fn place(scratch: &Scratch, owner: u32, mode: u32) {
    let place = scratch.directory_of(owner, "place");
    fs::set_permissions(place, Permissions::from_mode(mode)).expect("chmod");
}

fn give(path: &Path, owner: u32, mode: u32) {
    chown(path, Some(owner.into()), Some(owner.into())).expect("chown");
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("chmod");
}

/// Starts with the PID file `place/report.pid`, and then with the log `place/report.log`.
fn expect_each_refused(scratch: &Scratch, starter: Starter, status: i32, words: &[&str]) {
    for (options, object) in [
        ("pid=place/report.pid", "PID file"),
        ("log=place/report.log", "log"),
    ] {
        let launch = starter.start(scratch).options(options).run();
        let words = [&[object], words].concat();
        scratch.expect_refusal(&launch, status, &words);
    }
}

/// Both names, for a test that plants something under each.
fn names(scratch: &Scratch) -> [std::path::PathBuf; 2] {
    ["place/report.pid", "place/report.log"].map(|name| scratch.path(name))
}

#[test]
fn a_symbolic_link_of_somebody_else_is_not_followed() {
    if !users::available() {
        return;
    }
    for starter in [Root, Nobody] {
        let scratch = Scratch::new();
        // The attacker's own directory for an ordinary user, a sticky one for root.
        let (owner, mode) = if starter == Root {
            (0, 0o1777)
        } else {
            (HELLO, 0o755)
        };
        place(&scratch, owner, mode);
        let victim = scratch.write("victim", VICTIM);
        give(&victim, starter.uid(), 0o644);
        let before = state(&victim);
        for (target, name) in [
            (&victim, "an existing file"),
            (&scratch.path("new"), "none"),
        ] {
            for link in names(&scratch) {
                symlink(target, &link).expect("symlink");
                std::os::unix::fs::lchown(&link, Some(HELLO), Some(HELLO)).expect("lchown");
            }
            expect_each_refused(&scratch, starter, 73, &["symbolic link"]);
            for link in names(&scratch) {
                assert!(link.is_symlink(), "{name}");
                fs::remove_file(link).expect("the link");
            }
        }
        assert_eq!(state(&victim), before);
        assert!(!scratch.path("new").exists(), "nothing was made");
    }
}

#[test]
fn a_link_of_ones_own_in_the_directory_of_somebody_else_is_not_followed() {
    if !users::available() {
        return;
    }
    let scratch = Scratch::new();
    place(&scratch, HELLO, 0o755);
    let target = scratch.write("target", VICTIM);
    give(&target, NOBODY, 0o644);
    let link = scratch.path("place/report.log");
    symlink(&target, &link).expect("symlink");
    std::os::unix::fs::lchown(&link, Some(NOBODY), Some(NOBODY)).expect("lchown");
    let launch = Nobody.start(&scratch).options("log=place/report.log").run();
    let words = ["log", "a symbolic link in a directory of user 4711"];
    scratch.expect_refusal(&launch, 73, &words);
}

#[test]
fn a_directory_of_ones_own_is_not_found_by_the_link_of_somebody_else() {
    if !users::available() {
        return;
    }
    let scratch = Scratch::new();
    let own = scratch.directory_of(NOBODY, "own");
    let link = scratch.path("link");
    symlink(&own, &link).expect("symlink");
    std::os::unix::fs::lchown(&link, Some(HELLO), Some(HELLO)).expect("lchown");
    for option in ["pid_template", "log_template"] {
        let launch = Nobody
            .start(&scratch)
            .options(format!("{option}={{state_dir}}/report"))
            .env("XDG_STATE_HOME", &link)
            .run();
        scratch.expect_refusal(&launch, 78, &["symbolic link made by user 4711"]);
    }
    assert_eq!(fs::read_dir(own).expect("own").count(), 0);
}

#[test]
fn the_way_behind_a_link_is_to_be_trusted_too() {
    if !users::available() {
        return;
    }
    let scratch = Scratch::new();
    place(&scratch, HELLO, 0o755);
    let target = scratch.write("place/report.log", VICTIM);
    symlink(&target, scratch.path("report.log")).expect("symlink");
    let launch = Root.start(&scratch).options("log=report.log").run();
    scratch.expect_refusal(&launch, 78, &["log", "user 4711 can replace it"]);
}

#[test]
fn a_pid_file_is_no_symbolic_link_whoever_made_it() {
    let scratch = Scratch::new();
    let victim = scratch.write("victim", VICTIM);
    symlink(&victim, scratch.path("report.pid")).expect("symlink");
    let launch = scratch.background().run();
    let words = ["open the PID file", ": it is a symbolic link\n"];
    scratch.expect_refusal(&launch, 73, &words);
    assert_eq!(fs::read_to_string(victim).expect("the victim"), VICTIM);
}

#[test]
fn a_directory_behind_a_link_of_somebody_else_is_refused_to_root() {
    if !users::available() {
        return;
    }
    let scratch = Scratch::new();
    place(&scratch, 0, 0o1777);
    fs::create_dir(scratch.path("real")).expect("mkdir");
    let link = scratch.path("place/link");
    symlink("../real", &link).expect("symlink");
    let launch = |option: &str| Root.start(&scratch).options(option.to_owned()).run();
    // Root's own is followed, as `/var/run` is.
    let daemon = scratch.daemon_of(launch("pid=place/link/report.pid"), "real/report.pid");
    daemon.stop();
    scratch.expect_nothing_left();
    std::os::unix::fs::lchown(&link, Some(HELLO), Some(HELLO)).expect("lchown");
    for option in ["pid=place/link/report.pid", "log=place/link/report.log"] {
        let words = ["place/link", "user 4711"];
        scratch.expect_refusal(&launch(option), 78, &words);
    }
    assert_eq!(fs::read_dir(scratch.path("real")).expect("real").count(), 0);
}

#[test]
fn a_hard_link_where_others_can_make_one_is_refused() {
    if !users::available() {
        return;
    }
    for (starter, modes) in [(Root, &[0o1777, 0o775][..]), (Nobody, &[0o1777, 0o777])] {
        for mode in modes {
            let scratch = Scratch::new();
            place(&scratch, 0, *mode);
            let victim = scratch.write("victim", VICTIM);
            give(&victim, starter.uid(), 0o644);
            for link in names(&scratch) {
                fs::hard_link(&victim, link).expect("link");
            }
            let before = state(&victim);
            expect_each_refused(&scratch, starter, 78, &["hard link"]);
            assert_eq!(state(&victim), before, "{starter:?} {mode:o}");
        }
    }
}

#[test]
fn a_hard_link_where_nobody_else_can_make_one_is_a_name_like_another() {
    if !users::available() {
        return;
    }
    for starter in [Root, Nobody] {
        let scratch = Scratch::new();
        place(&scratch, starter.uid(), 0o755);
        let file = scratch.write("place/other.pid", "");
        give(&file, starter.uid(), 0o644);
        fs::hard_link(&file, scratch.path("place/report.pid")).expect("link");
        let launch = starter
            .start(&scratch)
            .options("pid=place/report.pid")
            .run();
        scratch.daemon_of(launch, "place/report.pid");
    }
}

#[test]
fn a_place_where_anyone_can_replace_a_file_is_refused_to_root() {
    if !users::available() {
        return;
    }
    let scratch = Scratch::new();
    place(&scratch, 0, 0o777);
    expect_each_refused(&scratch, Root, 78, &["anyone can replace", "place"]);
    // Nor is it safe further up.
    fs::create_dir(scratch.path("place/below")).expect("mkdir");
    let launch = Root.start(&scratch).options("pid=place/below/report.pid");
    scratch.expect_refusal(&launch.run(), 78, &["anyone can replace", "place"]);
    assert_eq!(
        fs::read_dir(scratch.path("place/below"))
            .expect("below")
            .count(),
        0
    );
    // An ordinary user must know.
    let launch = Nobody.start(&scratch).options("pid=place/report.pid").run();
    scratch.daemon_of(launch, "place/report.pid");
}

#[test]
fn a_place_of_somebody_else_is_refused_to_root() {
    if !users::available() {
        return;
    }
    let scratch = Scratch::new();
    place(&scratch, HELLO, 0o755);
    expect_each_refused(&scratch, Root, 78, &["user 4711 can replace it", "place"]);
    fs::create_dir(scratch.path("place/below")).expect("mkdir");
    let launch = Root.start(&scratch).options("pid=place/below/report.pid");
    scratch.expect_refusal(&launch.run(), 78, &["user 4711 can replace it"]);
}

#[test]
fn root_makes_no_directory_in_a_place_of_somebody_else() {
    if !users::available() {
        return;
    }
    let scratch = Scratch::new();
    place(&scratch, HELLO, 0o755);
    for option in ["pid_template", "log_template", "workdir_template"] {
        let options = format!("{option}={{home}}/new/file\nuser=hello");
        let launch = scratch
            .among_users(&program::path("report"), &[])
            .arg("-d")
            .options(options)
            .env("HOME", scratch.path("place"))
            .run();
        scratch.expect_refusal(&launch, 78, &["place", "user 4711"]);
    }
    let place = fs::read_dir(scratch.path("place"));
    assert_eq!(place.expect("the place").count(), 0);
}

#[test]
fn the_place_of_a_log_may_be_the_daemons_own_but_nothing_above_it() {
    if !users::available() {
        return;
    }
    let scratch = Scratch::new();
    place(&scratch, HELLO, 0o755);
    let start = |options: &str| {
        let program = program::path("report");
        let start = scratch.among_users(&program, &[]).arg("-d");
        start.options(format!("{options}\nuser=hello")).does("stay")
    };
    let launch = start("pid=report.pid\nlog=place/report.log").run();
    assert_eq!(launch.err_text(), "");
    scratch.daemon_of(launch, "report.pid").stop();
    scratch.expect_nothing_left();
    // A PID file there would be the daemon's to forge.
    let launch = start("pid=place/report.pid").run();
    scratch.expect_refusal(&launch, 78, &["PID file", "user 4711"]);
    // The daemon could put another directory there, and have a log made for it anywhere.
    scratch.directory_of(HELLO, "place/below");
    let launch = start("log=place/below/report.log").run();
    scratch.expect_refusal(&launch, 78, &["log", "user 4711"]);
    // It could also have linked to a file of root's.
    let victim = scratch.write("victim", VICTIM);
    let before = state(&victim);
    fs::remove_file(scratch.path("place/report.log")).expect("the log");
    fs::hard_link(&victim, scratch.path("place/report.log")).expect("link");
    let launch = start("log=place/report.log").run();
    scratch.expect_refusal(&launch, 78, &["log", "hard link"]);
    fs::remove_file(scratch.path("place/report.log")).expect("the log");
    symlink(&victim, scratch.path("place/report.log")).expect("symlink");
    let launch = start("log=place/report.log").run();
    scratch.expect_refusal(&launch, 73, &["log", "symbolic link"]);
    assert_eq!(state(&victim), before);
}

#[test]
fn a_file_of_somebody_else_is_refused() {
    if !users::available() {
        return;
    }
    // Root refuses it anywhere, an ordinary user where anyone can put it.
    for (starter, mode) in [
        (Root, 0o1777),
        (Root, 0o755),
        (Nobody, 0o1777),
        (Nobody, 0o777),
    ] {
        let scratch = Scratch::new();
        place(&scratch, 0, mode);
        let before = names(&scratch).map(|name| {
            fs::write(&name, VICTIM).expect("plant");
            give(&name, HELLO, 0o666);
            state(&name)
        });
        expect_each_refused(&scratch, starter, 78, &["belongs to user 4711"]);
        assert_eq!(names(&scratch).map(|name| state(&name)), before);
    }
}

#[test]
fn friends_may_share_a_log() {
    if !users::available() {
        return;
    }
    let scratch = Scratch::new();
    place(&scratch, HELLO, 0o775);
    let log = scratch.write("place/report.log", "theirs\n");
    give(&log, HELLO, 0o666);
    scratch.directory_of(NOBODY, "own");
    let start = Nobody.start(&scratch);
    let start = start.options("pid=own/report.pid\nlog=place/report.log");
    let launch = start.does("say:ours stay").run();
    scratch.daemon_of(launch, "own/report.pid");
    assert_eq!(scratch.read("place/report.log"), "theirs\nours\n");
}

#[test]
fn a_pid_file_that_anyone_can_write_to_is_refused_to_root() {
    if !users::available() {
        return;
    }
    let scratch = Scratch::new();
    let file = scratch.write("report.pid", "4242\n");
    give(&file, 0, 0o666);
    let before = state(&file);
    let launch = Root.start(&scratch).options("pid=report.pid").run();
    scratch.expect_refusal(&launch, 78, &["PID file", "other users can write to it"]);
    assert_eq!(state(&file), before);
    // Nor whom root is in no group with.
    give(&file, 0, 0o664);
    let start = || Root.start(&scratch).options("pid=report.pid");
    scratch.daemon_of(start().run(), "report.pid").stop();
    let file = scratch.write("report.pid", "4242\n");
    give(&file, 0, 0o664);
    chown(&file, None, Some(CREW.into())).expect("chown");
    scratch.expect_refusal(&start().run(), 78, &["other users can write to it"]);
    fs::remove_file(&file).expect("remove");
    // The log is not believed by anyone.
    let log = scratch.write("report.log", "");
    give(&log, 0, 0o666);
    let start = scratch
        .background()
        .options("pid=other.pid\nlog=report.log");
    scratch.daemon_of(start.run(), "other.pid");
}

/// Makes something that is no file.
type Plant = fn(&Path);

#[test]
fn what_is_no_file_is_refused_at_once_in_the_background_of_everyone() {
    if !users::available() {
        return;
    }
    let kinds: [(Plant, [i32; 2]); 3] = [
        // Without a reader, and without a writer.
        (
            |path| mkfifo(path, Mode::from_bits_truncate(0o666)).expect("mkfifo"),
            [73, 73],
        ),
        (|path| fs::create_dir(path).expect("mkdir"), [73, 73]),
        (
            |path| drop(UnixListener::bind(path).expect("bind")),
            [73, 73],
        ),
    ];
    for starter in [Root, Nobody] {
        for (plant, statuses) in kinds {
            let scratch = Scratch::new();
            place(&scratch, starter.uid(), 0o755);
            for name in names(&scratch) {
                plant(&name);
                chown(&name, Some(starter.uid().into()), None).expect("chown");
            }
            for (option, status) in ["pid=place/report.pid", "log=place/report.log"]
                .into_iter()
                .zip(statuses)
            {
                let launch = starter.start(&scratch).options(option).run();
                scratch.expect_refusal(&launch, status, &["place/report."]);
                assert!(launch.elapsed.as_secs() < 5, "{launch:?}");
            }
        }
    }
}

#[test]
fn somebody_elses_pid_file_that_may_not_be_written_is_refused_by_the_system() {
    if !users::available() {
        return;
    }
    let scratch = Scratch::new();
    place(&scratch, 0, 0o1777);
    let before = names(&scratch).map(|name| {
        fs::write(&name, VICTIM).expect("plant");
        give(&name, HELLO, 0o644);
        state(&name)
    });
    expect_each_refused(&scratch, Nobody, 73, &["Permission denied"]);
    assert_eq!(names(&scratch).map(|name| state(&name)), before);
}

#[test]
fn root_of_a_user_namespace_may_use_what_is_its_own() {
    if !users::available() {
        return;
    }
    let scratch = Scratch::new();
    place(&scratch, NOBODY, 0o755);
    let copy = scratch.copy_program(&program::path("report"), "report");
    let setpriv = requires::find("setpriv").expect("setpriv");
    let start = |options: &str| {
        scratch
            .start_path(&setpriv)
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .args(["unshare", "-U", "-r"])
            .arg(&copy)
            .arg("-d")
            .options(options.to_owned())
            .does("stay")
    };
    // The directories above are those of a user who does not exist there: the machine's root.
    let launch = start("pid=place/report.pid\nlog=place/report.log").run();
    scratch.daemon_of(launch, "place/report.pid");
    let start = start("pid=place/other.pid\nlog=place/other.log\nuser=root");
    scratch.daemon_of(start.run(), "place/other.pid");
}

#[test]
fn whom_a_user_namespace_knows_is_somebody_else_whatever_the_number() {
    if !users::available() {
        return;
    }
    let scratch = Scratch::new();
    // The number is also that of everyone whom a namespace does not know.
    place(&scratch, NOBODY, 0o755);
    let unshare = requires::find("unshare").expect("unshare");
    let script = "until grep -q . /proc/$$/uid_map; do sleep 0.01; done; exec \"$0\" -d";
    let launch = scratch
        .start_path(&unshare)
        .args(["-U", "sh", "-c", script])
        .arg(program::path("report"))
        .options("pid=place/report.pid")
        .does("stay")
        .spawn();
    let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/user")).ok();
    let pid = launch.pid().to_string();
    eventually("it is in its namespace", || {
        (namespace(&pid) != namespace("self")).then_some(())
    });
    for map in ["gid_map", "uid_map"] {
        fs::write(format!("/proc/{pid}/{map}"), "0 0 4294967295\n").expect("map everyone");
    }
    scratch.expect_refusal(&launch.wait(), 78, &["place", "user 65534"]);
}

#[test]
fn a_circle_of_links_on_the_way_is_followed_by_nobody() {
    let scratch = Scratch::new();
    symlink("circle", scratch.path("circle")).expect("symlink");
    for (option, object) in [
        ("pid=circle/report.pid", "PID file"),
        ("log=circle/report.log", "log"),
    ] {
        let launch = scratch.background().options(option).run();
        // It is the way that the system cannot go, not the file that is a link.
        let words = [object, "Too many levels of symbolic links"];
        scratch.expect_refusal(&launch, 73, &words);
    }
}
