//! What the unit and the verb say about the options that no key expresses, and about the machine.

use std::fs;
use std::path::Path;

use daemon::{Daemon, Restart, Stdin};
use nix::unistd::{User, geteuid};

use crate::support::program;
use crate::support::scratch::Scratch;

#[test]
fn unit_comments_on_what_it_does_not_set() {
    let unit = Daemon::new().unit().expect("a unit");
    let offers = [
        "NoNewPrivileges=",
        "PrivateTmp=",
        "ProtectSystem=",
        "ExecReload=",
    ];
    for offer in offers {
        let is_offer = |line: &str| line.starts_with(&format!("# {offer}"));
        assert_eq!(unit.lines().filter(|it| is_offer(it)).count(), 1, "{unit}");
    }
    assert!(!unit.contains("not expressed"), "{unit}");
    let daemon = Daemon::new().pid("/x").restart(Restart::Always);
    let daemon = daemon.restart_limit(3).chroot("/srv").keep_fds([30]);
    let daemon = daemon.env_clear().stdin(Stdin::Keep).user("root");
    let daemon = daemon.before_start(|_| Ok::<(), String>(()));
    let unit = daemon.user_unit().expect("a unit");
    let comments = unit.lines();
    let comments = comments.filter_map(|line| line.strip_prefix("# not expressed: "));
    let mut words: Vec<_> = comments
        .filter_map(|comment| comment.split([' ', ';']).next())
        .collect();
    words.sort_unstable();
    let expected = [
        "before_start",
        "chroot",
        "env_clear",
        "keep_fds",
        "restart_limit",
        "stdin",
    ];
    assert_eq!(words, expected, "{unit}");
    assert!(
        unit.contains("\n# ignored in a user's unit: User=root\n"),
        "{unit}"
    );
}

#[test]
fn unit_warns_of_places_that_do_not_stay() {
    let scratch = Scratch::new();
    let copy = |directory: &str| {
        fs::create_dir_all(scratch.path(directory)).expect("a directory");
        scratch.copy_program(&program::path("report"), &format!("{directory}/report"))
    };
    let print = |program: &Path| {
        let start = scratch
            .report()
            .via(program)
            .options("control_flag=-s\nworkdir=/missing");
        start.args(["-s", "unit"]).run().err_text()
    };
    let said = print(&copy("target/debug"));
    assert!(
        said.contains("/target/debug/report is in a directory of cargo"),
        "{said}"
    );
    assert!(
        said.contains("working directory /missing does not exist"),
        "{said}"
    );
    let said = print(&copy("bin"));
    assert!(!said.contains("cargo"), "{said}");
}

#[test]
fn unit_warns_of_a_pid_file_that_the_user_of_the_unit_makes() {
    let scratch = Scratch::new();
    let says = |options: &str, verb: &str| {
        let options = format!("control_flag=-s\npid=/run/x.pid\n{options}");
        let outcome = scratch.report().options(options).args(["-s", verb]).run();
        assert_eq!(outcome.code(), 0, "{outcome:?}");
        outcome
            .err_text()
            .contains("the user nobody makes the PID file")
    };
    assert!(says("user=nobody\npid_in_foreground=", "unit"));
    assert!(!says("user=nobody", "unit"));
    assert!(!says("pid_in_foreground=", "unit"));
    assert!(!says("user=nobody\npid_in_foreground=", "user-unit"));
}

#[test]
fn unit_warns_of_a_home_and_a_user_without_lingering() {
    let scratch = Scratch::new();
    let print = |verb: &str| {
        let start = scratch.report();
        let start = start.options("control_flag=-s\nworkdir=/home/missing");
        start.args(["-s", verb]).run().err_text()
    };
    let (of_system, of_user) = (print("unit"), print("user-unit"));
    let home = "the working directory /home/missing is in a home directory";
    assert!(of_system.contains(home), "{of_system}");
    assert!(!of_user.contains(home), "{of_user}");
    let user = User::from_uid(geteuid()).ok().flatten();
    let file = |user: &User| Path::new("/var/lib/systemd/linger").join(&user.name);
    let lingers = user.is_some_and(|user| file(&user).exists());
    let words = "use loginctl enable-linger to run it from boot on";
    assert_eq!(of_user.contains(words), !lingers, "{of_user}");
    assert!(!of_system.contains(words), "{of_system}");
}
