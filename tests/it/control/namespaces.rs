//! PID namespaces: a pid of one names another process in the next.

use std::time::Duration;

use super::canary::Canary;
use super::stage::{OPTIONS, expect_failure};
use crate::support::deadline::eventually;
use crate::support::requires;
use crate::support::scratch::Scratch;

#[test]
fn pid_of_another_namespace_is_not_signalled() {
    requires!(linux("the holder of a lock"), root);
    let scratch = Scratch::new();
    // The launcher and the intermediate process come before the daemon, whose pid is here that
    // of a process that would die of a signal.
    let mut canary = Canary::new();
    let script = format!(
        "echo {} > /proc/sys/kernel/ns_last_pid; $0 -d && touch up && \
         while test ! -e go; do sleep 0.01; done",
        canary.0.id() - 3
    );
    let other = scratch.first_process(&script).spawn();
    eventually("it is up", || scratch.path("up").exists().then_some(()));
    assert_eq!(scratch.read("report.pid"), format!("{}\n", canary.0.id()));
    for verb in ["status", "stop", "reload"] {
        let words = format!("the file names process {}", canary.0.id());
        expect_failure(&scratch.verb(verb).run(), 4, &["locked by", &words]);
    }
    canary.expect_alive();
    assert!(other.is_alive());
    scratch.write("go", "");
    other.wait();
}

#[test]
fn foreign_proc_proves_no_holder() {
    requires!(linux("the holder of a lock"), root);
    let scratch = Scratch::new();
    // It would survive a reload.
    let daemon = scratch.up_and_reported("catch:1 report stay");
    let script = r"
        read pid < report.pid
        echo $((pid - 1)) > /proc/sys/kernel/ns_last_pid
        sleep 600 &
        test $! = $pid || exit 2
        for verb in status reload stop; do $0 -s $verb; echo $?; done
        kill -0 $pid && echo alive
    ";
    let outcome = scratch.beside_foreign_proc(script).run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    assert_eq!(outcome.out_text(), "4\n4\n4\nalive\n", "{outcome:?}");
    let reasons = outcome.err_text();
    let reasons = reasons.matches("not visible here, possibly in another PID namespace");
    assert_eq!(reasons.count(), 3, "{outcome:?}");
    assert!(daemon.process.is_alive());
}

/// The verb has the same pid in its namespace and in that of `/proc`, which therefore looks like its
/// own. The pid of the daemon belongs to another process in the namespace of the verb.
#[test]
fn proc_that_looks_like_ours_proves_no_holder() {
    requires!(linux("the holder of a lock"), namespaces);
    let scratch = Scratch::new();
    let script = r#"
        $0 -d || exit 1
        export daemon=$(cat report.pid)
        unshare -pf sh -c '
            at() { echo $(($1 - 1)) > /proc/sys/kernel/ns_last_pid; }
            at $daemon
            sleep 600 &
            test $! = $daemon || exit 2
            # The next process gets the same pid in both.
            align() { at $(($(sh -c "$seen; echo \$pid") + 1)); }
            seen="read pid rest < /proc/self/stat"
            align
            sh -c "$seen; test \$pid = \$\$" || exit 3
            align
            $0 -s stop; echo $?
            kill -0 $daemon && echo alive
            kill $daemon
        ' $0
        $0 -s stop
    "#;
    let outcome = scratch.first_process(script).run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    assert!(
        outcome.out_text().starts_with(
            "4
alive
"
        ),
        "{outcome:?}"
    );
}

#[test]
fn listening_settles_with_a_foreign_proc() {
    requires!(linux("the sockets of another process"), root);
    let scratch = Scratch::new();
    let script = "$0 -d; echo $?; kill $(cat report.pid)";
    let options = OPTIONS.replace("exec", "listening");
    let outcome = scratch.beside_foreign_proc(script).options(options).run();
    assert_eq!(outcome.out_text(), "0\n", "{outcome:?}");
    assert!(outcome.elapsed < Duration::from_secs(25), "{outcome:?}");
}
