//! Environments and command lines that leave no space, or that mislead.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::{fs, ptr};

use nix::sys::resource::Resource;

use crate::support::daemon::read_report;
use crate::support::outcome::Outcome;
use crate::support::program;
use crate::support::scratch::Scratch;
use crate::support::start::Start;

/// The variable that names the fd of the daemon's end of the socket pair.
const MARKER: &str = "__DAEMON_HANDOFF";

/// The start with these entries after its environment. Two of them may have the same name.
fn with_entries(scratch: &Scratch, start: Start, arguments: &[&str], entries: &[&str]) -> Start {
    let report = program::path("report");
    let string = |text: &[u8]| CString::new(text).expect("no NUL byte");
    let argv = [report.to_str().expect("UTF-8")];
    let argv: Vec<_> = argv
        .iter()
        .chain(arguments)
        .map(|it| string(it.as_bytes()))
        .collect();
    let path = format!("TEST_REPORT={}", scratch.path("report.json").display());
    let mark = format!("TEST_MARK={}", scratch.mark());
    let ours = [
        &*path,
        &mark,
        "TEST_OPTIONS=pid=report.pid\nlog=report.log",
        "TEST_DOES=report stay",
    ];
    let envp: Vec<_> = entries
        .iter()
        .chain(&ours)
        .map(|it| string(it.as_bytes()))
        .collect();
    start.before_exec(move || {
        let mut pointers = [[ptr::null(); 16]; 2];
        for (list, strings) in pointers.iter_mut().zip([&argv, &envp]) {
            for (place, string) in list.iter_mut().take(15).zip(strings) {
                *place = string.as_ptr();
            }
        }
        // SAFETY: the strings are C strings, and both lists end with a null pointer.
        unsafe { libc::execve(argv[0].as_ptr(), pointers[0].as_ptr(), pointers[1].as_ptr()) };
        Err(std::io::Error::last_os_error())
    })
}

#[test]
fn doubled_marker_is_removed_twice() {
    let scratch = Scratch::new();
    let entries = [&*format!("{MARKER}=57"), "OTHER=1", &format!("{MARKER}=3")];
    let start = with_entries(&scratch, scratch.report(), &["-d"], &entries);
    let report = scratch.up(start).report();
    assert_eq!(report.variable(MARKER), None);
    assert_eq!(report.variable("OTHER"), Some(&b"1"[..]));
    assert_eq!(report.environment.len(), 5);
    scratch.expect_order();
}

/// Such an entry has no value: getenv(3) does not find it, and nothing takes it for a variable.
#[test]
fn entry_without_an_equals_sign_reaches_the_daemon() {
    let given = ["LONELY", "__DAEMON_HANDOFF", "NOTIFY_SOCKET", "=odd", ""];
    for (remove, kept) in [("", &given[..]), ("\nenv_remove=LONELY,A", &given[1..])] {
        let scratch = Scratch::new();
        let options = format!("TEST_OPTIONS=pid=report.pid\nlog=report.log{remove}");
        let entries = [&*options, "A=1"].into_iter().chain(given);
        let entries: Vec<_> = entries.collect();
        let start = with_entries(&scratch, scratch.report(), &["-d"], &entries);
        let daemon = scratch.up(start);
        daemon.report();
        let environ = fs::read(format!("/proc/{}/environ", daemon.pid())).expect("environ");
        let environ = environ.strip_suffix(b"\0").expect("an end");
        let without_value = environ.split(|byte| *byte == 0);
        let without_value =
            without_value.filter(|entry| !entry.iter().skip(1).any(|it| *it == b'='));
        let kept: Vec<_> = kept.iter().map(|entry| entry.as_bytes()).collect();
        assert_eq!(without_value.collect::<Vec<_>>(), kept);
    }
}

/// A start with so many bytes in its environment, and how it ends.
fn start_with_bytes(scratch: &Scratch, argument: Option<&str>, bytes: usize) -> Option<Outcome> {
    // One string holds 128 KiB at most.
    const LONGEST: usize = 100_000;
    // By a path that is shorter than the one by which it is executed again, which counts as well.
    let mut start = scratch.report().via(Path::new("./report")).args(argument);
    start = start.does("note:ran return:0");
    for number in 0..bytes / LONGEST {
        start = start.env(format!("F{number:03}"), "x".repeat(LONGEST));
    }
    start = start.env("REST", "x".repeat(bytes % LONGEST));
    start.try_run()
}

#[test]
fn full_environment_is_refused() {
    let scratch = Scratch::new();
    scratch.copy_program(&program::path("report"), "report");
    // The most with which the program can still be executed at all, in the foreground.
    let (mut fits, mut fails) = (0, 8_000_000);
    while fails - fits > 1 {
        let middle = usize::midpoint(fits, fails);
        match start_with_bytes(&scratch, Some("xx"), middle) {
            Some(_) => fits = middle,
            None => fails = middle,
        }
    }
    let launch = start_with_bytes(&scratch, Some("-d"), fits).expect("it fits");
    scratch.expect_refusal(&launch, 71, &["execute", "Argument list too long"]);
    assert!(!scratch.path("report.pid").exists());
    fs::remove_file(scratch.path("ran")).expect("the foreground ran");
    // A little less, and there is room.
    let launch = start_with_bytes(&scratch, Some("-d"), fits - 100).expect("it fits");
    assert_eq!(launch.code(), 0, "{launch:?}");
    assert!(scratch.path("ran").exists());
    scratch.expect_order();
}

#[test]
fn longest_arguments_and_small_stack_work() {
    let longest = "x".repeat(131_071 - "LONGEST=".len());
    for (arguments, stack) in [(0, None), (100_000, None), (1_000, Some(1 << 20))] {
        let scratch = Scratch::new();
        let words: Vec<_> = (0..arguments).map(|number| format!("{number}")).collect();
        let mut start = scratch.background().args(&words).env("LONGEST", &longest);
        if let Some(stack) = stack {
            start = start.limit(Resource::RLIMIT_STACK, stack);
        }
        let report = scratch.up(start).report();
        assert_eq!(report.variable("LONGEST"), Some(longest.as_bytes()));
        assert_eq!(report.arguments.len(), 1 + arguments);
    }
}

#[test]
fn hostile_variables_change_nothing() {
    for (name, values) in [
        ("TMPDIR", ["", "/no/such/directory", "/proc/self/fd"]),
        ("HOME", ["", "relative", "/dev/null"]),
        ("LANG", ["", "no_SUCH.locale", "%n%n%s"]),
        ("TZ", ["", ":/dev/zero", "../../../etc/shadow"]),
        ("PATH", ["", ".", "/dev/null"]),
    ] {
        for value in values {
            let scratch = Scratch::new();
            let daemon = scratch.up(scratch.background().env(name, value));
            assert_eq!(daemon.report().variable(name), Some(value.as_bytes()));
            assert_eq!(daemon.launch.err_text(), "");
        }
    }
}

#[test]
fn directory_need_not_be_utf_8() {
    let scratch = Scratch::new();
    let directory = scratch.path(OsStr::from_bytes(b"caf\xe9 \n"));
    fs::create_dir(&directory).expect("mkdir");
    let options = format!("pid={}", scratch.path("report.pid").display());
    let start = scratch.background().cwd(&directory).options(options);
    scratch.up(start);
    let report = read_report(&scratch.path("report.json"));
    assert_eq!(report.cwd, directory.as_os_str().as_bytes());
    assert_eq!(report.start_dir, Some(report.cwd));
}
