//! A program links the code of the options that it names, and no other: release programs, built as a
//! user builds them, and the names in their symbol tables.
//!
//! `just linked` runs this.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A capability, and code that only it needs: the end of a path, as a mangled name holds it.
const CAPABILITIES: [(&str, &str); 23] = [
    ("pid", "8pid_file"),
    ("log", "8log_file7LogFile4open"),
    ("log_reopen", "10log_reopen9reopen_on"),
    ("log_rotate", "12log_rotation6rotate"),
    ("syslog", "6syslog4tell"),
    ("user", "11daemon_core8identity"),
    ("restart", "10supervisor5entry"),
    ("before_start", "6passed4keep"),
    ("chroot", "12capabilities10enter_root"),
    ("listen", "6listen4plan"),
    ("listener", "8listener"),
    ("control", "13control_verbs3run"),
    ("client", "6client"),
    ("unit", "9unit_file"),
    ("foreground_lock", "15foreground_lock"),
    ("placeholder", "13path_template7fill_in"),
    ("instance", "13INSTANCE_FLAG"),
    ("exec", "4exec4exec"),
    ("log_writer", "10log_writer"),
    ("listening", "15watch_listening"),
    ("notify", "6notify5probe"),
    ("settled", "5linux7settled"),
    ("trust", "5trust"),
];

/// A program: its options, the statements of its `main`, and the capabilities that it links.
#[rustfmt::skip] // a table is read by its columns
const PROGRAMS: &[(&str, &str, &[&str])] = &[
    ("", "", &[]),
    (r#"pid = "/run/x.pid""#, "", &["pid", "trust"]),
    (r#"log = "/var/log/x.log""#, "", &["log", "trust"]),
    (r#"pid_flag = "--pid""#, "", &["pid", "trust"]),
    (r#"log_flag = "--log""#, "", &["log", "trust"]),
    (r#"log_flag = "--log", log_reopen = "SIGUSR1""#, "", &["log", "log_reopen", "trust"]),
    (r#"pid = "/run/x.pid", log = "/x.log", control_flag = "-s", log_rotate = "10M""#, "",
        &["pid", "log", "log_reopen", "log_rotate", "control", "client", "unit", "trust"]),
    (r#"pid = "/run/x.pid", restart = "always""#, "",
        &["pid", "restart", "trust"]),
    (r#"pid = "/run/x.pid", restart = "always", ready = "notify""#, "daemon::ready();",
        &["pid", "restart", "notify", "trust"]),
    (r#"syslog = "daemon""#, "", &["syslog"]),
    (r#"user = "daemon""#, "", &["user", "trust"]),
    (r#"chroot = "/srv""#, "", &["chroot"]),
    ("before_start = open", "", &["before_start"]),
    (r#"listen = "http=0.0.0.0:80""#, "", &["listen", "listener", "trust"]),
    ("", r#"daemon::listener("http", "0.0.0.0:80").ok();"#, &["listener"]),
    (r#"pid = "/run/x.pid", control_flag = "-s""#, "",
        &["pid", "control", "client", "unit", "trust"]),
    (r#"pid = "/run/x.pid", pid_in_foreground = true"#, "", &["pid", "foreground_lock", "trust"]),
    (r#"pid = "{pid_dir}/x.pid""#, "", &["pid", "placeholder", "trust"]),
    (r#"instance_flag = "--name""#, "", &["instance"]),
    (r#"ready = "exec""#, "", &[]),
    (r#"ready = "listening""#, "", &["listening"]),
    (r#"ready = "tcp:80""#, "", &["listening"]),
    (r#"ready = "notify""#, "daemon::ready();", &["notify"]),
    ("", r#"daemon::exec(&mut std::process::Command::new("x"));"#, &["exec"]),
    (r#"pid = "/run/x.pid""#, "let _ = daemon::Daemon::new().ensure();", &["pid", "client", "trust"]),
    ("", "let _ = daemon::Daemon::new().unit();", &["unit", "trust"]),
    ("", "let _ = daemon::log_writer();", &["log_writer"]),
    (r#"background_flag = "-b", subcommand = "serve", umask = 0o022, keep_fds = [3], workdir = "/""#,
        "", &[]),
];

/// For `before_start`.
const OPEN: &str = "#[allow(dead_code)]
fn open(start: &mut daemon::Start) -> std::io::Result<()> {
    start.pass(\"key\", std::fs::File::open(\"/dev/null\")?);
    Ok(())
}
";

/// Programs that name one of these lack `settled`, which is the default and the last resort of other modes.
const WITHOUT_SETTLED: [&str; 2] = [r#"ready = "exec""#, r#"ready = "notify""#];

#[test]
#[ignore = "it builds release programs: `just linked`"]
fn program_links_only_the_options_it_names() {
    let directory = build();
    let mut wrong = Vec::new();
    for (index, (options, statements, expected)) in PROGRAMS.iter().enumerate() {
        let linked = linked_by(&directory.join(format!("program{index}")));
        let is_without = WITHOUT_SETTLED.iter().any(|ready| options.contains(ready));
        let settled = (!is_without).then_some("settled");
        let expected: BTreeSet<_> = expected.iter().copied().chain(settled).collect();
        if linked != expected {
            wrong.push(format!(
                "{options} {statements}: {linked:?} and not {expected:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Builds all programs in a package of their own; returns their directory.
fn build() -> PathBuf {
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("linked");
    let root = env!("CARGO_MANIFEST_DIR");
    let programs = package.join("src/bin");
    fs::create_dir_all(&programs).expect("a directory");
    for (index, (options, statements, _)) in PROGRAMS.iter().enumerate() {
        let source = format!("#[daemon::main({options})]\nfn main() {{ {statements} }}\n{OPEN}");
        fs::write(programs.join(format!("program{index}.rs")), source).expect("a source");
    }
    let manifest = format!(
        "[workspace]\n\n[package]\nname = \"linked\"\nedition = \"2024\"\n\n\
         [dependencies]\ndaemon-main = {{ path = {root:?} }}\n"
    );
    fs::write(package.join("Cargo.toml"), manifest).expect("a manifest");
    // The versions are those that the repository is locked to.
    let lock = Path::new(root).join("Cargo.lock");
    fs::copy(lock, package.join("Cargo.lock")).expect("a lock file");
    let target = package.join("target");
    let build = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--offline"])
        .current_dir(&package)
        .env("CARGO_TARGET_DIR", &target)
        .status();
    assert!(build.expect("cargo").success());
    target.join("release")
}

/// The capabilities that a program links.
fn linked_by(program: &Path) -> BTreeSet<&'static str> {
    let symbols = symbols(&fs::read(program).expect("the program"));
    let ours: Vec<_> = symbols
        .iter()
        .filter(|symbol| symbol.contains("11daemon_core"))
        .collect();
    // A stripped program tells nothing.
    assert!(!ours.is_empty(), "{} has no symbols", program.display());
    let is_linked = |code: &str| ours.iter().any(|symbol| symbol.contains(code));
    let linked = CAPABILITIES.iter().filter(|(_, code)| is_linked(code));
    linked.map(|(name, _)| *name).collect()
}

/// The names in the symbol table of a 64-bit little-endian ELF file, see `elf(5)`.
fn symbols(elf: &[u8]) -> Vec<String> {
    let value = |at: usize, length: usize| {
        let bytes = elf[at..at + length].iter().rev();
        bytes.fold(0, |value, byte| value << 8 | usize::from(*byte))
    };
    let (table, entry, count) = (value(40, 8), value(58, 2), value(60, 2));
    let section = |index: usize| table + index * entry;
    // SHT_SYMTAB, and the section of its strings.
    let Some(found) = (0..count).find(|index| value(section(*index) + 4, 4) == 2) else {
        return Vec::new();
    };
    let strings = section(value(section(found) + 40, 4));
    let (begin, length) = (value(strings + 24, 8), value(strings + 32, 8));
    let names = elf[begin..begin + length].split(|byte| *byte == 0);
    names
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect()
}
