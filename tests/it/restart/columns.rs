//! The table of the verbs of a supervised daemon, for other users and on other systems.

use std::fs;

use nix::sys::signal::Signal;
use nix::unistd::chown;

use super::stage::{LONG_DELAY, Supervised};
use crate::fall_back::{System, library};
use crate::support::deadline::eventually;
use crate::support::process;
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::users::UNPRIVILEGED;

/// Where the daemon and the verbs run.
struct Place<'a, F> {
    scratch: &'a Scratch,
    /// Besides those of every start.
    options: String,
    /// What `status` says between two runs.
    between: &'static str,
    change: F,
}

impl<'a, F: Fn(Start) -> Start> Place<'a, F> {
    fn new(scratch: &'a Scratch, options: &str, change: F) -> Self {
        let log = scratch.path("report.log").display().to_string();
        Self {
            scratch,
            // Root does not trust the working directory of another user.
            options: format!("{}\n{options}", LONG_DELAY.replace("report.log", &log)),
            between: "restart due in 9 min",
            change,
        }
    }

    fn up(&self) -> Supervised {
        let start = self.scratch.supervised(&self.options, "catch:1 hang");
        let up = self.scratch.up_supervised((self.change)(start));
        eventually("the run catches the signal of `reload`", || {
            let caught = process::status_field(up.run.pid(), "SigCgt")?;
            let caught = u64::from_str_radix(&caught, 16).ok()?;
            (caught & 1 != 0).then_some(())
        });
        up
    }

    #[track_caller]
    fn expect(&self, answers: &[(&str, i32, &str)]) {
        for (verb, status, words) in answers {
            let start = match *verb {
                "-d" => self.scratch.supervised(&self.options, "hang"),
                verb => self.scratch.supervised_verb(&self.options, verb),
            };
            let outcome = (self.change)(start).run();
            assert_eq!(outcome.code(), *status, "{verb}: {outcome:?}");
            let said = outcome.out_text() + &outcome.err_text();
            assert!(said.contains(words), "{verb}: {outcome:?}");
        }
    }

    /// A verb that leaves nothing, or after `restart` a daemon that is stopped.
    #[track_caller]
    fn expect_end(&self, verb: &str) {
        self.expect(&[(verb, 0, "stopped")]);
        if verb == "restart" {
            self.scratch.expect_processes(2);
            self.expect(&[("stop", 0, "stopped")]);
        }
        self.scratch.expect_stopped();
    }

    fn expect_columns(&self) {
        for verb in ["stop", "restart"] {
            self.up();
            self.expect(&[
                ("status", 0, ": running, pid"),
                ("-d", 69, "already running"),
                ("start", 0, ": running, pid"),
                ("reload", 0, ""),
            ]);
            self.expect_end(verb);

            self.scratch.crash_before_delay(&self.up());
            self.expect(&[
                ("status", 2, self.between),
                ("-d", 69, self.between),
                ("reload", 7, self.between),
            ]);
            self.expect_end(verb);

            let stopped = self.up();
            stopped.supervisor.signal(Signal::SIGSTOP);
            eventually("the supervisor is stopped", || {
                (process::stat(stopped.supervisor.pid())?.state == 'T').then_some(())
            });
            self.expect(&[
                ("status", 0, "supervisor stopped"),
                ("-d", 69, "already running"),
                ("reload", 0, ""),
            ]);
            self.expect_end(verb);

            let lone = self.up();
            lone.supervisor.signal(Signal::SIGKILL);
            lone.supervisor.wait();
            self.expect(&[
                ("status", 0, "not supervised"),
                ("-d", 69, "already running"),
                ("start", 0, "not supervised"),
                ("reload", 0, ""),
            ]);
            self.expect_end(verb);
        }
    }
}

#[test]
fn verbs_of_root_for_the_daemon_of_a_user() {
    requires!(root);
    let scratch = Scratch::new();
    Place::new(&scratch, "user=nobody", |start| start).expect_columns();
}

#[test]
fn verbs_of_an_ordinary_user() {
    requires!(root);
    let scratch = Scratch::new();
    let (owner, group) = (UNPRIVILEGED.into(), UNPRIVILEGED.into());
    chown(scratch.dir(), Some(owner), Some(group)).expect("chown");
    let program = scratch.reachable();
    let as_user = |start: Start| {
        let words: Vec<_> = start.words().skip(1).map(ToOwned::to_owned).collect();
        start.via(&program).args(words).user(UNPRIVILEGED)
    };
    Place::new(&scratch, "", as_user).expect_columns();
}

#[test]
fn verbs_for_a_daemon_with_another_root_directory() {
    requires!(root, linux("the root directory of a process"));
    let scratch = Scratch::new();
    let root = scratch.path("root");
    fs::create_dir(&root).expect("mkdir");
    let options = format!("chroot={}", root.display());
    Place::new(&scratch, &options, |start| start).expect_columns();
}

#[test]
fn verbs_where_files_are_locked_whole() {
    requires!(linux("locks of open file descriptions"));
    let scratch = Scratch::new();
    let mut place = Place::new(&scratch, "", Start::without_ofd_locks);
    // The time is in the locks that this system lacks.
    place.between = "being restarted";
    place.expect_columns();
}

#[test]
fn verbs_where_the_clones_do_less() {
    requires!(preload, linux("CLONE_PARENT"));
    let scratch = Scratch::new();
    let library = library(&scratch, System::IgnoresCloneParent);
    let on_system = |start: Start| start.env("LD_PRELOAD", &library);
    Place::new(&scratch, "", on_system).expect_columns();
}
