//! A program links the code of the options that it names, and no other.
//!
//! What the linker drops without optimization is dropped with it too, so the programs of the other
//! tests serve. `TEST_PROGRAMS=target/release/examples` looks at release binaries.

use std::collections::BTreeSet;
use std::fs;

use crate::support::program;

/// A capability, and a function that only it needs: parts of a mangled name.
const CAPABILITIES: [(&str, [&str; 2]); 10] = [
    ("pid", ["8new_file", "7NewFile7prepare"]),
    ("log", ["8log_file", "7LogFile4open"]),
    ("log_reopen", ["10log_reopen", "9reopen_on"]),
    ("user", ["8identity", "7look_up"]),
    ("before_start", ["6passed", "4keep"]),
    ("control_flag", ["13control_verbs", "3run"]),
    ("placeholder", ["13path_template", "7fill_in"]),
    ("listening", ["9readiness", "15watch_listening"]),
    ("notify", ["6notify5probe", "4bind"]),
    ("trust", ["5trust", "10check_file"]),
];

/// The names in the symbol table of a 64-bit little-endian ELF file, see `elf(5)`.
fn symbols(elf: &[u8]) -> Option<Vec<String>> {
    let number = |at: usize, length: usize| -> Option<usize> {
        let bytes = elf.get(at..at + length)?;
        let number = bytes
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        Some(number)
    };
    let (table, entry, count) = (number(40, 8)?, number(58, 2)?, number(60, 2)?);
    let section = |index: usize| table + index * entry;
    // SHT_SYMTAB, and the section of its strings.
    let found = (0..count).find(|index| number(section(*index) + 4, 4) == Some(2))?;
    let strings = section(number(section(found) + 40, 4)?);
    let (begin, length) = (number(strings + 24, 8)?, number(strings + 32, 8)?);
    let names = elf.get(begin..begin + length)?.split(|byte| *byte == 0);
    Some(
        names
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect(),
    )
}

/// The capabilities that a program links.
fn linked_by(name: &str) -> Option<BTreeSet<&'static str>> {
    let symbols = symbols(&fs::read(program::path(name)).expect("the program"))?;
    let is_linked = |parts: &[&str; 2]| {
        let is_function = |symbol: &&String| !symbol.contains("drop_in_place");
        let mut symbols = symbols.iter().filter(is_function);
        symbols.any(|symbol| {
            symbol.contains("daemon_core") && parts.iter().all(|part| symbol.contains(part))
        })
    };
    let linked = CAPABILITIES.iter().filter(|(_, parts)| is_linked(parts));
    Some(linked.map(|(name, _)| *name).collect())
}

#[test]
fn program_links_only_the_options_it_names() {
    let all = CAPABILITIES.map(|(name, _)| name);
    for (program, expected) in [
        ("bare", &[][..]),
        ("hello", &["pid", "log", "trust"]),
        ("attributed", &["pid", "log", "placeholder", "trust"]),
        (
            "tokio_signal",
            &["pid", "log", "log_reopen", "placeholder", "trust"],
        ),
        (
            "tokio_server",
            &["pid", "log", "placeholder", "listening", "trust"],
        ),
        ("sd_notify", &["pid", "placeholder", "notify", "trust"]),
        ("report", &all),
    ] {
        // A stripped program tells nothing.
        let Some(linked) = linked_by(program) else {
            continue;
        };
        assert_eq!(linked, expected.iter().copied().collect(), "{program}");
    }
}
