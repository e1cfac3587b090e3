//! What the numbers were measured on. No names of hosts, users or paths.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::Result;

/// One paragraph to stand above the tables.
pub(crate) fn describe(directory: &Path, inherited: usize) -> Result<String> {
    let cpus = thread::available_parallelism()?;
    let model = field("/proc/cpuinfo", "model name");
    let memory = field("/proc/meminfo", "MemTotal");
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split_whitespace().next().unwrap_or_default();
    let huge_pages =
        fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").unwrap_or_default();
    Ok(format!(
        "{date}. Linux {kernel}, {cpus} CPUs ({model}), {memory} of memory, files on {filesystem}, \
         transparent huge pages {huge_pages}, load {load} at the start. {rustc}, \
         cc {cc}, {go}. {inherited} descriptors above 2 came from whoever started the bench.",
        date = said("date", &["-u", "+%F %H:%M UTC"]),
        kernel = said("uname", &["-r"]),
        filesystem = said(
            "findmnt",
            &["-n", "-o", "FSTYPE", "-T", &directory.to_string_lossy()]
        ),
        huge_pages = huge_pages.trim(),
        rustc = said("rustc", &["--version"]),
        cc = said("cc", &["-dumpfullversion"]),
        go = said("go", &["env", "GOVERSION"]),
    ))
}

/// How many descriptors above 2 this process has; at the start they are its caller's, and those of its
/// children that do not close them have them too.
pub(crate) fn descriptors() -> Result<usize> {
    // The three streams, and the one that reads the directory.
    Ok(fs::read_dir("/proc/self/fd")?.count().saturating_sub(4))
}

/// The first value of a field in one of `/proc`'s lists.
fn field(file: &str, name: &str) -> String {
    let list = fs::read_to_string(file).unwrap_or_default();
    let value = list
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find_map(|(field, value)| (field.trim() == name).then(|| value.trim().to_owned()));
    value.unwrap_or_else(|| "unknown".to_owned())
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |error| error.to_string(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
