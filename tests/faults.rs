//! The cases in `faults.md`: the tests of the table exist, and a report of a test run.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken expectation is how a test fails"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::process::ExitCode;

/// One row of the list.
struct Case {
    number: usize,
    /// By their paths in the binary `it`, or behind `daemon_core::` in the unit tests.
    tests: Vec<&'static str>,
    /// Why there is none.
    reason: &'static str,
}

fn cases() -> Vec<Case> {
    let rows = include_str!("faults.md").lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix("| ")?.split(" | ").collect();
        let [number, _, tests] = cells[..] else {
            panic!("not three cells: {line}");
        };
        // Not the head of a table.
        let number = number.parse().ok()?;
        let tests = tests.trim_end_matches(" |");
        let quoted = tests.split('`').skip(1).step_by(2);
        Some(Case {
            number,
            tests: quoted.filter(|word| word.contains("::")).collect(),
            reason: tests,
        })
    });
    rows.collect()
}

/// Every test below a directory of sources, by its path.
fn tests_in(directory: &Path, prefix: &str) -> Vec<String> {
    let mut tests = Vec::new();
    for entry in fs::read_dir(directory).expect("the sources") {
        let path = entry.expect("a source").path();
        let name = path.file_stem().expect("a name").to_string_lossy();
        let prefix = match &*name {
            "mod" | "lib" => prefix.to_owned(),
            name => format!("{prefix}{name}::"),
        };
        if path.is_dir() {
            tests.extend(tests_in(&path, &prefix));
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let source = fs::read_to_string(&path).expect("a source");
        let (mut module, mut is_test) = (String::new(), false);
        for line in source.lines() {
            if let Some(name) = line
                .strip_prefix("mod ")
                .and_then(|it| it.strip_suffix(" {"))
            {
                module = format!("{name}::");
            } else if line == "}" {
                module.clear();
            }
            let line = line.trim();
            if let Some(name) = line.strip_prefix("fn ").filter(|_| is_test) {
                let name = name.split('(').next().unwrap_or_default();
                tests.push(format!("{prefix}{module}{name}"));
            }
            is_test = line == "#[test]" || is_test && line.starts_with("#[");
        }
    }
    tests
}

#[test]
fn every_fault_is_listed_once_with_its_tests() {
    let cases = cases();
    let numbers: Vec<_> = cases.iter().map(|case| case.number).collect();
    assert_eq!(numbers, (1..=325).collect::<Vec<_>>());
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = tests_in(&package.join("tests/it"), "");
    tests.extend(tests_in(&package.join("daemon-core/src"), "daemon_core::"));
    for case in &cases {
        let is_reasoned = ["later: ", "not here: "].map(|word| case.reason.starts_with(word));
        assert_ne!(
            case.tests.is_empty(),
            !is_reasoned.contains(&true),
            "case {}",
            case.number
        );
        for test in &case.tests {
            assert!(
                tests.iter().any(|it| it == test),
                "case {}: no test {test}",
                case.number
            );
        }
    }
}

/// What a run said of a test.
#[derive(Clone, Debug, PartialEq)]
enum Result {
    Passed,
    Failed,
    Skipped(String),
}

/// A run of `cargo test`, by target and path.
#[derive(Debug, Default)]
struct Run {
    results: BTreeMap<String, Result>,
    /// The captured output of the tests that failed.
    outputs: BTreeMap<String, Vec<String>>,
}

fn read_run(lines: impl Iterator<Item = String>) -> Run {
    let Run {
        mut results,
        mut outputs,
    } = Run::default();
    // The failed test whose output the lines are.
    let mut failed = None;
    let mut skipped = BTreeMap::new();
    let mut skips = 0;
    // What stands before the path of a test: nothing in `it`, and otherwise the target.
    let mut target = String::new();
    for line in lines {
        if let Some(source) = line.trim_start().strip_prefix("Running ") {
            // `tests/it/main.rs (target/debug/deps/it-0123)`, and for unit tests
            // `unittests src/lib.rs (target/debug/deps/daemon_core-0123)`.
            let binary = source.rsplit('/').next().unwrap_or_default();
            target = match binary.split('-').next().unwrap_or_default() {
                "it" => String::new(),
                name => format!("{name}::"),
            };
        } else if let Some(test) = line
            .strip_prefix("---- ")
            .and_then(|line| line.strip_suffix(" stdout ----"))
        {
            failed = Some(format!("{target}{test}"));
        } else if line == "failures:" || line.starts_with("test result: ") {
            failed = None;
        } else if let Some(test) = &failed {
            let output: &mut Vec<_> = outputs.entry(test.clone()).or_default();
            output.push(line);
        } else if let Some((test, reason)) = line
            .split_once("SKIPPED ")
            .and_then(|(_, skip)| skip.split_once(": "))
        {
            skipped.insert(format!("{target}{test}"), reason.to_owned());
        } else if let Some((count, _)) = line
            .strip_prefix("skipped ")
            .and_then(|line| line.split_once(" tests, "))
        {
            skips += count.parse::<usize>().expect("a count");
        } else if let Some((test, result)) = line
            .strip_prefix("test ")
            .and_then(|line| line.rsplit_once(" ... "))
            // The cases of trybuild look the same but for their colours, and belong to a test.
            .filter(|(test, _)| !test.contains('\x1b'))
        {
            let result = match result.split_once(", ").unwrap_or((result, result)) {
                ("ok", _) => Result::Passed,
                ("ignored", reason) => Result::Skipped(reason.to_owned()),
                _ => Result::Failed,
            };
            results.insert(format!("{target}{test}"), result);
        }
    }
    assert_eq!(skipped.len(), skips, "TEST_SKIPS must be set");
    for (test, reason) in skipped {
        if results.get(&test) == Some(&Result::Passed) {
            results.insert(test, Result::Skipped(reason));
        }
    }
    Run { results, outputs }
}

/// The first lines of an output, which say why a test failed, and the last ones.
fn shorten(output: &[String]) -> Vec<String> {
    const FIRST: usize = 40;
    const LAST: usize = 20;
    let left_out = output.len().saturating_sub(FIRST + LAST);
    if left_out == 0 {
        return output.to_vec();
    }
    let mut shown = output[..FIRST].to_vec();
    shown.push(format!("... {left_out} lines ..."));
    shown.extend_from_slice(&output[FIRST + left_out..]);
    shown
}

#[test]
fn output_of_a_failed_test_is_kept() {
    let run = "     Running tests/it/main.rs (target/debug/deps/it-0123)\n\
               test races::one ... ok\n\
               test races::two ... FAILED\n\n\
               failures:\n\n\
               ---- races::two stdout ----\n\
               the reason\n\
               failures:\n    races::two\n\n\
               test result: FAILED. 1 passed; 1 failed\n";
    let run = read_run(run.lines().map(str::to_owned));
    assert_eq!(run.results["races::one"], Result::Passed);
    assert_eq!(run.results["races::two"], Result::Failed);
    assert_eq!(run.outputs["races::two"], ["the reason"]);
    assert_eq!(run.outputs.len(), 1);
}

#[test]
fn long_output_is_cut_in_the_middle() {
    let lines: Vec<_> = (1..=100).map(|line| line.to_string()).collect();
    let shown = shorten(&lines);
    assert_eq!(shown.len(), 61);
    assert_eq!(shown[39..42], ["40", "... 40 lines ...", "81"]);
    assert_eq!(shorten(&lines[..60]), lines[..60]);
}

/// What became of a case by its tests, and why.
fn judge(case: &Case, results: &BTreeMap<String, Result>) -> (&'static str, String) {
    let mut skipped = None;
    for test in &case.tests {
        match results.get(*test) {
            Some(Result::Passed) => {}
            Some(Result::Skipped(reason)) => skipped = Some(reason.clone()),
            Some(Result::Failed) => return ("FAILED", (*test).to_owned()),
            None => return ("FAILED", format!("{test} was not run")),
        }
    }
    match skipped {
        Some(reason) => ("skipped", reason),
        None if case.tests.is_empty() => ("not tested", case.reason.to_owned()),
        None => ("passed", String::new()),
    }
}

/// Shows a run of `cargo test` as it comes through a pipe, then what became of each case, and last
/// what the failed tests wrote: of a long log, people see the end. In CI a test that has to be skipped
/// fails, and so its case does.
#[ignore = "it reads the output of another run, see `just faults`"]
#[test]
fn report_of_every_case() -> ExitCode {
    let mut out = io::stdout();
    let lines = io::stdin().lock().lines().map_while(io::Result::ok);
    let lines = lines.inspect(|line| writeln!(io::stdout(), "{line}").expect("a reader"));
    let Run { results, outputs } = read_run(lines);
    assert!(!results.is_empty(), "no test was run");
    let mut counts = BTreeMap::new();
    for case in cases() {
        let (verdict, reason) = judge(&case, &results);
        *counts.entry(verdict).or_insert(0) += 1;
        let line = format!("case {:3}  {verdict:<10}  {reason}", case.number);
        writeln!(out, "{}", line.trim_end()).expect("a reader");
    }
    let counts: Vec<_> = counts
        .iter()
        .map(|(verdict, count)| format!("{count} {verdict}"))
        .collect();
    writeln!(out, "cases: {}", counts.join(", ")).expect("a reader");
    for (test, output) in &outputs {
        let output = shorten(output).join("\n");
        writeln!(out, "\n---- {test} ----\n{output}").expect("a reader");
    }
    let failed: Vec<_> = results
        .iter()
        .filter(|(_, it)| **it == Result::Failed)
        .map(|(test, _)| test)
        .collect();
    // A panic would end the log with a backtrace.
    if failed.is_empty() && !counts.iter().any(|count| count.ends_with("FAILED")) {
        return ExitCode::SUCCESS;
    }
    writeln!(out, "\nfailed tests: {failed:?}").expect("a reader");
    ExitCode::FAILURE
}
