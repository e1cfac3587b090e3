//! The units that the program prints about itself.

mod pairs;
mod remarks;

use std::fs;
use std::os::unix::fs::{lchown, symlink};
use std::time::Duration;

use daemon::{Daemon, Restart, Signal};

use crate::control::stage::expect_failure;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::users::UNPRIVILEGED;
use crate::support::{program, requires};

const SECOND: Duration = Duration::from_secs(1);

fn verify(scratch: &Scratch, words: &[&str]) -> Start {
    let analyze = requires::find("systemd-analyze").expect("systemd-analyze");
    let start = scratch.start_path(&analyze);
    start.args(["verify", "--man=no"]).args(words)
}

/// A unit with the option that is wrong.
fn refusal(set: impl Fn(Daemon) -> Daemon) -> (u8, String) {
    let error = set(Daemon::new()).unit().expect_err("a refusal");
    (error.exit_status(), error.to_string())
}

#[test]
fn value_that_no_unit_can_hold_is_refused() {
    for directory in ["/a\nb", "/a\x01", "/a\\", "/a ", "/a/../b"] {
        let (status, said) = refusal(|daemon| daemon.workdir(directory));
        assert_eq!(status, 64, "{said}");
        assert!(
            said.starts_with("cannot write the key WorkingDirectory=/a"),
            "{said}"
        );
        assert!(said.contains("use the option workdir"), "{said}");
    }
    let (status, said) = refusal(|daemon| daemon.env("A", "\x01"));
    assert_eq!(
        (status, said.contains("Environment=A")),
        (64, true),
        "{said}"
    );
    let (status, said) = refusal(|daemon| daemon.env("A.B", ""));
    assert_eq!(
        (status, said.contains("Environment=A.B")),
        (64, true),
        "{said}"
    );
    let (status, said) = refusal(|daemon| daemon.env_remove(["A.B"]));
    assert_eq!(
        (status, said.contains("UnsetEnvironment=A.B")),
        (64, true),
        "{said}"
    );
    let verb = ["x", "-s", "stop"];
    let (status, said) = refusal(|daemon| daemon.pid("/x").control_flag("-s").args(verb));
    assert_eq!(
        (status, said.contains("control verb")),
        (64, true),
        "{said}"
    );
    let (status, said) = refusal(|daemon| daemon.user("a\nRestart=no"));
    assert_eq!((status, said.contains("User=a")), (64, true), "{said}");
    let (status, said) = refusal(|daemon| daemon.env("A=B", ""));
    assert_eq!(
        (status, said.contains("takes names without `=`")),
        (78, true),
        "{said}"
    );
}

#[test]
fn verb_prints_the_unit_of_a_command_line() {
    let scratch = Scratch::new();
    let unit = |options: &str, words: &[&str]| {
        let options = format!("{options}\npid=x.pid\nlog=x.log\npid_flag=-p");
        let start = scratch.report().options(options).args(words);
        let outcome = start.run();
        assert_eq!(outcome.code(), 0, "{outcome:?}");
        outcome.out_text()
    };
    let command = |unit: &str| {
        let line = unit
            .lines()
            .find_map(|line| line.strip_prefix("ExecStart=:"));
        let line = line.expect("a command").split_once("/report\" ");
        line.expect("the program").1.to_owned()
    };
    let printed = unit(
        "control_flag=-s",
        &["x", "-s", "unit", "-p", "y.pid", "--", "-d"],
    );
    assert_eq!(command(&printed), "\"x\" \"--\" \"-d\"");
    let directory = format!("\nWorkingDirectory={}\n", scratch.dir().display());
    assert!(printed.contains(&directory), "{printed}");
    assert!(
        printed.contains("\nWantedBy=multi-user.target\n"),
        "{printed}"
    );
    assert!(
        !printed.contains("x.pid") && !printed.contains("x.log"),
        "{printed}"
    );
    let options = "control_flag=-s\nsubcommand=serve\nforeground_flag=-f\npid_in_foreground=";
    let printed = unit(
        options,
        &["-v", "serve", "-s", "user-unit", "-p", "y.pid", "x"],
    );
    let expected = "\"-v\" \"serve\" \"-p\" \"y.pid\" \"-f\" \"x\"";
    assert_eq!(command(&printed), expected);
    assert!(printed.contains("\nWantedBy=default.target\n"), "{printed}");
    let options = "control_subcommands=run\ninstance_flag=--name";
    let printed = unit(options, &["unit", "x", "--name=web"]);
    assert_eq!(command(&printed), "\"run\" \"x\" \"--name=web\"");
    assert!(
        printed.starts_with("# /etc/systemd/system/report@web.service\n"),
        "{printed}"
    );
    assert!(!scratch.path("x.pid").exists() && !scratch.path("x.log").exists());
}

/// The program is found without it.
#[test]
fn unit_of_a_directory_that_is_gone() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("gone")).expect("mkdir");
    let unit = |more: &str| {
        let unit = scratch.report().options(format!("control_flag=-s{more}"));
        let script = "cd gone && rmdir ../gone && exec \"$@\"";
        let unit = unit.args(["-s", "unit"]);
        let outcome = unit.under(&["sh", "-c", script, "sh"]).run();
        fs::create_dir(scratch.path("gone")).expect("mkdir");
        outcome
    };
    let refused = unit("");
    assert!(
        refused.err_text().contains("find the working directory"),
        "{refused:?}"
    );
    assert_eq!(unit("\nworkdir=/").code(), 0);
}

/// `/dev/fd` leads to a directory of each process that uses it.
#[test]
fn unit_names_no_descriptor() {
    let scratch = Scratch::new();
    let unit = scratch.report().options("control_flag=-s");
    let script = "exec env PWD=/dev/fd/9 \"$@\" 9<.";
    let unit = unit.args(["-s", "unit"]).under(&["sh", "-c", script, "sh"]);
    let outcome = unit.run();
    let expected = format!("\nWorkingDirectory={}\n", scratch.dir().display());
    assert!(outcome.out_text().contains(&expected), "{outcome:?}");
}

/// An upgrade gives a link another target, and removes the old one.
#[test]
fn unit_has_the_links_by_which_the_program_was_called() {
    let scratch = Scratch::new();
    let make = |directory: &str| fs::create_dir_all(scratch.path(directory)).expect("a directory");
    make("releases/1");
    make("bin");
    let file = scratch.copy_program(&program::path("report"), "releases/1/report");
    symlink("releases/1", scratch.path("current")).expect("a link");
    symlink("../releases/1/report", scratch.path("bin/report")).expect("a link");
    let current = scratch.path("current");
    let by_path = scratch.path("bin/report");
    let here = scratch.dir();
    for (argv0, path, cwd, pwd, program, directory) in [
        (&*by_path, "", here, here, &*by_path, here),
        // Found in PATH.
        ("report".as_ref(), "bin", here, here, &*by_path, here),
        // Another program, or none, has that name.
        ("report".as_ref(), "missing", here, here, &*file, here),
        ("other".as_ref(), "bin", here, here, &*file, here),
        ("/proc/self/exe".as_ref(), "bin", here, here, &*file, here),
        // As the shell shows the directory, if it does not lie.
        (
            "./report".as_ref(),
            "",
            &*current,
            &*current,
            &*current.join("report"),
            &*current,
        ),
        (
            "./report".as_ref(),
            "",
            &*current,
            here,
            &*file,
            &*scratch.path("releases/1"),
        ),
    ] {
        let start = scratch.report().via(&file).arg0(argv0).cwd(cwd);
        let start = start.options("control_flag=-s").args(["-s", "unit"]);
        let start = start.env("PATH", scratch.path(path)).env("PWD", pwd);
        let outcome = start.run();
        assert_eq!(outcome.code(), 0, "{outcome:?}");
        let unit = outcome.out_text();
        let command = unit
            .lines()
            .find_map(|line| line.strip_prefix("ExecStart="));
        let command = command.expect("a command").trim_start_matches([':', '@']);
        let expected = format!("\"{}\"", program.display());
        assert!(command.starts_with(&expected), "{argv0:?}: {unit}");
        let expected = format!("\nWorkingDirectory={}\n", directory.display());
        assert!(unit.contains(&expected), "{argv0:?}: {unit}");
    }
}

/// That user could give the link another target, and root would run it.
#[test]
fn unit_of_root_has_no_link_of_another_user() {
    requires!(users);
    let scratch = Scratch::new();
    let file = scratch.copy_program(&program::path("report"), "report");
    for (name, target) in [("link", &*file), ("here", scratch.dir())] {
        symlink(target, scratch.path(name)).expect("a link");
        lchown(scratch.path(name), Some(UNPRIVILEGED), None).expect("lchown");
    }
    let here = scratch.path("here");
    let start = scratch.report().via(&file).arg0(scratch.path("link"));
    let start = start.cwd(&here).env("PWD", &here);
    let outcome = start.options("control_flag=-s").args(["-s", "unit"]).run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let unit = outcome.out_text();
    assert!(unit.contains(&format!("\"{}\"", file.display())), "{unit}");
    let directory = format!("\nWorkingDirectory={}\n", scratch.dir().display());
    assert!(unit.contains(&directory), "{unit}");
}

#[test]
fn program_that_systemd_does_not_execute_is_refused() {
    let scratch = Scratch::new();
    for (name, is_refused) in [
        ("a\"b", true),
        ("a'b", true),
        ("a\\b", true),
        ("a\nb", true),
        ("a\x7fb", true),
        ("a b%n$x;\u{e9}", false),
    ] {
        let program = scratch.copy_program(&program::path("report"), name);
        let start = scratch.report().via(&program).options("control_flag=-s");
        let outcome = start.args(["-s", "unit"]).run();
        let said = outcome.err_text();
        let is_said = said.contains("cannot write the key ExecStart=");
        let status = if is_refused { 64 } else { 0 };
        assert_eq!(
            (outcome.code(), is_said),
            (status, is_refused),
            "{outcome:?}"
        );
        // As systemd sees it.
        if requires::find("systemd-analyze").is_some() {
            let form = |byte| match byte {
                b'%' => "%%".to_owned(),
                byte => format!("\\x{byte:02x}"),
            };
            let path = program.to_str().expect("a path");
            let text: String = path.bytes().map(form).collect();
            scratch.write(
                "x.service",
                format!("[Service]\nType=exec\nExecStart=:\"{text}\"\n"),
            );
            let verified = verify(&scratch, &["./x.service"]).run();
            assert_eq!(verified.code() == 0, !is_refused, "{name:?}: {verified:?}");
        }
    }
}

#[test]
fn answer_that_cannot_be_printed_is_a_failure() {
    let scratch = Scratch::new();
    for verb in ["status", "unit", "user-unit"] {
        let full = fs::File::options().write(true).open("/dev/full");
        let start = scratch.report().options("pid=x.pid\ncontrol_flag=-s");
        let start = start.args(["-s", verb]).stdout(full.expect("/dev/full"));
        expect_failure(&start.run(), 4, &["cannot print", "No space left"]);
    }
}

#[test]
fn restarts_of_a_unit_are_those_of_the_option() {
    let keys = |daemon: Daemon| {
        let unit = daemon.unit().expect("a unit");
        let mut keys: Vec<_> = unit.lines().map(str::to_owned).collect();
        let prefixes = ["Restart", "StartLimit", "SuccessExit"];
        keys.retain(|key| prefixes.iter().any(|prefix| key.starts_with(prefix)));
        keys.join(" ")
    };
    assert_eq!(keys(Daemon::new()), "");
    assert_eq!(
        keys(Daemon::new().restart(Restart::OnFailure)),
        "StartLimitIntervalSec=0 Restart=on-failure RestartPreventExitStatus=64 78 \
         SuccessExitStatus=129 130 143 RestartSec=500ms RestartSteps=7 RestartMaxDelaySec=60"
    );
    let quit = Daemon::new().stop_signal(Signal::SIGQUIT);
    let quit = keys(quit.restart(Restart::OnFailure));
    let status = " SuccessExitStatus=129 130 143 131 SIGQUIT ";
    assert!(quit.contains(status), "{quit}");
    let always = Daemon::new().restart(Restart::Always);
    assert_eq!(
        keys(always.restart_delay(SECOND..=SECOND)),
        "StartLimitIntervalSec=0 Restart=always RestartSec=1"
    );
}

#[test]
fn unit_gives_the_right_to_bind_a_port_below_1024() {
    let keys = |daemon: Daemon| {
        let unit = daemon.unit().expect("a unit");
        let right = unit.contains("\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n");
        (right, unit.contains("\nFileDescriptorStoreMax=1\n"))
    };
    let listen = |address: &str| Daemon::new().listen("a", address);
    assert_eq!(keys(Daemon::new().user("root")), (false, false));
    assert_eq!(keys(listen("0.0.0.0:80")), (false, true), "it stays root");
    for (address, is_low) in [
        ("0.0.0.0:1023", true),
        ("0.0.0.0:1024", false),
        ("0.0.0.0:0", false),
        ("unix:/run/a", false),
    ] {
        assert_eq!(
            keys(listen(address).user("root")),
            (is_low, true),
            "{address}"
        );
    }
}

#[test]
fn description_of_a_unit_is_one_short_line() {
    let long = "x".repeat(300);
    let unit = Daemon::new().args(["50%\n", &long]).unit().expect("a unit");
    let line = unit.lines().find_map(|it| it.strip_prefix("Description="));
    let line = line.expect("a description").replace("%%", "%");
    assert_eq!(line.chars().count(), 200, "{line}");
    assert!(line.contains(r" 50%\n xxx"), "{line}");
}
