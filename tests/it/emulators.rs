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
fn expect_round(said: &str, outcome: &Outcome) {
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

/// As root a sandbox has a network stack of its own, for which it changes the tables of the machine. In a
/// network namespace without a device it changes none, and the stack has its loopback device alone.
const OWN_NETWORK: &[&str] = &["--network=sandbox"];

const SANDBOXES: [&[&str]; 4] = [
    &["--network=none"],
    OWN_NETWORK,
    &["--network=none", "--rootless"],
    &["--network=host", "--rootless"],
];

/// What these commands say in gVisor with these options; nothing where it cannot run at all.
pub(crate) fn in_gvisor(
    scratch: &Scratch,
    options: &[&str],
    commands: &str,
) -> Option<(String, Outcome)> {
    let state = format!("--root={}", scratch.path("state").display());
    // runsc gives its standard input to the user of the sandbox, and that must not be /dev/null.
    let pipe = ["sh", "-c", ": | \"$@\"", "sh"];
    let without_device: &[&str] = match options {
        OWN_NETWORK => &["unshare", "--net"],
        _ => &[],
    };
    let sandbox = ["runsc", &state, "--ignore-cgroups"];
    let directory = scratch.dir().to_string_lossy().into_owned();
    let shell = ["do", "-cwd", &directory, "--", "sh", "-c"];
    let commands = format!("echo up\n{commands}");
    let words = [
        &pipe[..],
        without_device,
        &sandbox,
        options,
        &shell,
        &[&commands],
    ]
    .concat();
    let start = scratch.report().options(OPTIONS).does("hang");
    let outcome = start.under(&words).run();
    let said = outcome.out_text().strip_prefix("up\n").map(str::to_owned);
    // Where the tests are strict, this is a failure.
    let is_possible = said.is_some() || requires::skip("gVisor");
    is_possible.then_some((said?, outcome))
}

#[test]
fn daemon_is_started_and_stopped_in_gvisor() {
    requires!(root, program("runsc"), linux("the fall back"));
    for options in SANDBOXES {
        let scratch = Scratch::new();
        if let Some((said, outcome)) = in_gvisor(&scratch, options, ROUND) {
            expect_round(&said, &outcome);
        }
    }
}

#[test]
fn ready_daemon_is_heard_in_gvisor() {
    requires!(root, program("runsc"), linux("the fall back"));
    let commands = "
        TEST_OPTIONS=\"$TEST_OPTIONS\nready=notify\" TEST_DOES='ready hang' $0 -d
        echo $?
        $0 -s stop >said
        echo $?
    ";
    for options in SANDBOXES {
        let scratch = Scratch::new();
        if let Some((said, outcome)) = in_gvisor(&scratch, options, commands) {
            assert_eq!(said, "0\n0\n", "{options:?}: {outcome:?}");
        }
    }
}

#[test]
fn failed_start_in_gvisor_leaves_no_process() {
    requires!(root, program("runsc"), linux("the fall back"));
    let commands = "
        for try in 1 2 3; do
            TEST_DOES='complain:no-luck exit:3' $0 -d
            echo $?
        done
        for process in /proc/[0-9]*; do
            cat $process/comm
        done | grep -c exe
    ";
    for options in SANDBOXES {
        let scratch = Scratch::new();
        if let Some((said, outcome)) = in_gvisor(&scratch, options, commands) {
            assert_eq!(said, "3\n3\n3\n0\n", "{options:?}: {outcome:?}");
            assert!(outcome.err_text().starts_with("no-luck\n"), "{outcome:?}");
        }
    }
}

/// With each command below an emulator, which makes it many times slower: each has its own time.
fn expect_round_below(emulator: &str) {
    let scratch = Scratch::new();
    let round = ROUND.replace("$0", &format!("{emulator} $0"));
    let round = round.replace("> said", "2>/dev/null > said");
    let (say, commands) = round.trim().split_once('\n').expect("the commands");
    let outcomes = commands.lines().map(|command| {
        let script = format!("{say}\n{command}");
        let start = scratch.report().options(OPTIONS).does("hang");
        start.under(&["sh", "-c", &script]).run()
    });
    let outcomes: Vec<_> = outcomes.collect();
    let said: String = outcomes.iter().map(Outcome::out_text).collect();
    expect_round(&said, outcomes.last().expect("an outcome"));
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
