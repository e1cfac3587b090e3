//! A program that enables all lints gets no warning from generated code, in any edition.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

#[test]
fn generated_code_raises_no_lint() -> io::Result<()> {
    for edition in ["2018", "2021"] {
        cargo(&workspace_of(edition)?, &["clippy", "--no-deps"])?;
    }
    // With tests the same functions have other callers.
    let workspace = workspace_of("2024")?;
    cargo(&workspace, &["clippy", "--all-targets", "--no-deps"])
}

#[test]
fn annotated_program_can_have_tests() -> io::Result<()> {
    let programs = ["--bin", "without_options", "--bin", "tokio_below"];
    cargo(&cases(), &[&["test"][..], &programs].concat())
}

/// There `::core` is no path, and a crate is named before it is used.
#[test]
fn oldest_edition_takes_every_kind_of_value() -> io::Result<()> {
    let workspace = scratch().join("2015");
    let manifest = format!(
        "[workspace]\n[package]\nname = \"oldest\"\nedition = \"2015\"\n\
         [dependencies]\ndaemon-main = {{ path = {:?} }}\n",
        env!("CARGO_MANIFEST_DIR")
    );
    let source = "extern crate daemon;\n\
        #[daemon::main(pid = \"{pid_dir}/x.pid\", ready = [\"tcp:80\", \"unix:/x\"], ready_timeout = 5, \
        restart = \"always\", restart_delay = \"1s\", log_reopen = \"SIGHUP\", listen = \"a=0.0.0.0:81\", \
        log = \"/x.log\", stop_signal = \"SIGINT\", syslog = \"daemon\", keep_fds = [3], umask = 0o022)]\n\
        fn main() {}\n";
    fs::create_dir_all(workspace.join("src"))?;
    fs::write(workspace.join("Cargo.toml"), manifest)?;
    fs::write(workspace.join("src/main.rs"), source)?;
    fs::copy(cases().join("Cargo.lock"), workspace.join("Cargo.lock"))?;
    cargo(&workspace, &["check"])
}

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lints")
}

fn scratch() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("lints")
}

/// A copy of the cases. Cargo takes the edition from a manifest, and not from the command line.
fn workspace_of(edition: &str) -> io::Result<PathBuf> {
    let root = env!("CARGO_MANIFEST_DIR");
    let copy = scratch().join(edition);
    let adjust = |text: String| {
        text.replace("edition = \"2024\"", &format!("edition = \"{edition}\""))
            .replace("\"../../..\"", &format!("{root:?}"))
    };
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    copy_all(&cases(), &copy, &adjust)?;
    Ok(copy)
}

fn copy_all(from: &Path, to: &Path, adjust: &dyn Fn(String) -> String) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_all(&entry.path(), &to, adjust)?;
        } else {
            fs::write(to, adjust(fs::read_to_string(entry.path())?))?;
        }
    }
    Ok(())
}

fn cargo(workspace: &Path, arguments: &[&str]) -> io::Result<()> {
    let output = Command::new(env!("CARGO"))
        .current_dir(workspace)
        .args(arguments)
        .env("CARGO_TARGET_DIR", scratch().join("target"))
        .output()?;
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}\n{messages}",
        workspace.display()
    );
    Ok(())
}
