//! Emulators and sandboxes that run Linux programs in their own way: gVisor, qemu-user and valgrind.

use std::env::consts::ARCH;

use crate::support::outcome::Outcome;
use crate::support::requires;
use crate::support::scratch::Scratch;

const OPTIONS: &str = "pid=report.pid\nlog=report.log\ncontrol_flag=-s";

/// Starts `$0`, looks at it, starts it again and stops it. It says what each command exits with.
const ROUND: &str = "
    say() { \"$@\" > said; echo $? $(cat said); }
    say $0 -d
    say $0 -s status | sed 's/, since.*//'
    say $0 -d 2>&1
    say $0 -s restart
    say $0 -s stop
    say $0 -s status
";

/// What a round says, with the name of the program.
fn expect_round(outcome: &Outcome) {
    let said = outcome.out_text();
    let lines: Vec<_> = said
        .lines()
        .map(|line| {
            line.split(&[',', '('])
                .next()
                .unwrap_or_default()
                .trim_end()
        })
        .collect();
    let expected = [
        "0",
        "0 report: running",
        "69",
        "0 report: stopped",
        "0 report: stopped",
        "3 report: not running",
    ];
    let lines = lines
        .into_iter()
        .filter(|line| !line.contains("already running"));
    assert_eq!(lines.collect::<Vec<_>>(), expected, "{outcome:?}");
}

/// In gVisor with these options; nothing where it cannot run at all.
fn in_gvisor(scratch: &Scratch, options: &[&str], commands: &str) -> Option<Outcome> {
    let state = format!("--root={}", scratch.path("state").display());
    // runsc gives its standard input to the user of the sandbox, and that must not be /dev/null.
    let pipe = ["sh", "-c", ": | \"$@\"", "sh"];
    let sandbox = ["runsc", &state, "--network=none", "--ignore-cgroups"];
    let directory = scratch.dir().to_string_lossy().into_owned();
    let shell = ["do", "-cwd", &directory, "--", "sh", "-c"];
    let start = |commands| {
        let words = [&pipe, &sandbox, options, &shell, &[commands]].concat();
        scratch.report().options(OPTIONS).does("hang").under(&words)
    };
    let is_possible = start("exit 42").run().code() == 42;
    requires::machine(is_possible, "gVisor").then(|| start(commands).run())
}

#[test]
fn daemon_is_started_and_stopped_in_gvisor() {
    requires!(root, program("runsc"), linux("the fall back"));
    for options in [&["--rootless"][..], &[]] {
        let scratch = Scratch::new();
        let Some(outcome) = in_gvisor(&scratch, options, ROUND) else {
            return;
        };
        expect_round(&outcome);
    }
}

#[test]
fn ready_daemon_is_heard_in_gvisor() {
    requires!(root, program("runsc"), linux("the fall back"));
    let scratch = Scratch::new();
    let commands = "
        TEST_OPTIONS=\"$TEST_OPTIONS\nready=notify\" TEST_DOES='ready hang' $0 -d
        echo $?
        $0 -s stop >said
        echo $?
    ";
    let Some(outcome) = in_gvisor(&scratch, &["--rootless"], commands) else {
        return;
    };
    assert_eq!(outcome.out_text(), "0\n0\n", "{outcome:?}");
}

#[test]
fn failed_start_in_gvisor_leaves_no_process() {
    requires!(root, program("runsc"), linux("the fall back"));
    let scratch = Scratch::new();
    let commands = "
        for try in 1 2 3; do
            TEST_DOES='complain:no-luck exit:3' $0 -d
            echo $?
        done
        for process in /proc/[0-9]*; do
            cat $process/comm
        done | grep -c exe
    ";
    let Some(outcome) = in_gvisor(&scratch, &["--rootless"], commands) else {
        return;
    };
    assert_eq!(outcome.out_text(), "3\n3\n3\n0\n", "{outcome:?}");
    assert!(outcome.err_text().starts_with("no-luck\n"), "{outcome:?}");
}

/// With each command below an emulator.
fn expect_round_below(emulator: &str) {
    let scratch = Scratch::new();
    let round = ROUND.replace("$0", &format!("{emulator} $0"));
    let round = round.replace("> said", "2>/dev/null > said");
    let start = scratch.report().options(OPTIONS).does("hang");
    expect_round(&start.under(&["sh", "-c", &round]).run());
}

#[test]
fn daemon_is_started_and_stopped_below_qemu() {
    let qemu = format!("qemu-{ARCH}");
    requires!(program(&qemu), linux("the fall back"));
    expect_round_below(&qemu);
}

#[test]
fn daemon_is_started_and_stopped_below_valgrind() {
    requires!(program("valgrind"), linux("the fall back"));
    expect_round_below("valgrind -q");
}
