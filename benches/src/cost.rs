//! What the library costs those who build with it: crates, time of a clean build, bytes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::bench::Bench;
use crate::programs::cargo;
use crate::run::now;
use crate::sample::Sample;
use crate::table::Table;

/// How often each application is built from nothing.
const BUILDS: usize = 3;

/// An application of one file.
#[derive(Debug)]
struct Application {
    name: &'static str,
    /// Lines of `[dependencies]`; `{root}` is where this library is.
    dependencies: &'static str,
    source: &'static str,
}

const APPLICATIONS: &[Application] = &[
    Application {
        name: "neither",
        dependencies: "",
        source: "fn main() { println!(\"hello\"); }",
    },
    Application {
        name: "`#[daemon::main]`",
        dependencies: "daemon-main = { path = \"{root}\" }",
        source: "#[daemon::main(pid = \"/run/hello.pid\", log = \"/var/log/hello.log\")]\n\
                 fn main() { println!(\"hello\"); }",
    },
    Application {
        name: "clap with derive",
        dependencies: "clap = { version = \"4\", features = [\"derive\"] }",
        source: "#[derive(clap::Parser)]\n\
                 struct Options { #[arg(short = 'd', long)] background: bool }\n\
                 fn main() { let options: Options = clap::Parser::parse(); println!(\"{}\", options.background); }",
    },
    Application {
        name: "crate `daemonize`",
        dependencies: "daemonize = \"0.5\"",
        source: "fn main() {\n\
                 if std::env::args().any(|word| word == \"-d\") {\n\
                 daemonize::Daemonize::new().pid_file(\"/run/hello.pid\").start().unwrap(); }\n\
                 println!(\"hello\"); }",
    },
];

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let places: Vec<PathBuf> = APPLICATIONS
        .iter()
        .enumerate()
        .map(|(number, application)| {
            application.write(&bench.directory.join(format!("cost-{number}")))
        })
        .collect::<Result<_>>()?;
    let mut times = vec![[Sample::default(), Sample::default()]; APPLICATIONS.len()];
    for _ in 0..BUILDS {
        for (place, times) in places.iter().zip(&mut times) {
            for (profile, times) in ["dev", "release"].iter().zip(times) {
                times.push(build(place, profile)?);
            }
        }
    }
    let mut table = Table::new(&[
        "application with",
        "crates:",
        "clean debug build, s:",
        "clean release build, s:",
        "stripped, KiB:",
        "added, KiB:",
    ]);
    let sizes: Vec<u64> = places
        .iter()
        .map(|place| size(place))
        .collect::<Result<_>>()?;
    for (((application, place), times), &size) in
        APPLICATIONS.iter().zip(&places).zip(&times).zip(&sizes)
    {
        table.row([
            application.name.to_owned(),
            crates(place)?.to_string(),
            seconds(&times[0]),
            seconds(&times[1]),
            kibibytes(size),
            kibibytes(size.saturating_sub(sizes[0])),
        ]);
    }
    bench.print(&table)
}

impl Application {
    fn write(&self, place: &Path) -> Result<PathBuf> {
        fs::create_dir_all(place.join("src"))?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("the benches have a parent")?;
        let dependencies = self.dependencies.replace("{root}", &root.to_string_lossy());
        fs::write(place.join("src/main.rs"), self.source)?;
        fs::write(
            place.join("Cargo.toml"),
            format!(
                "[workspace]\n[package]\nname = \"application\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
                 [profile.release]\nstrip = true\n[dependencies]\n{dependencies}\n"
            ),
        )?;
        succeed(cargo().arg("fetch").current_dir(place))?;
        Ok(place.to_owned())
    }
}

/// The time of a build from nothing; what is downloaded is there already.
fn build(place: &Path, profile: &str) -> Result<Duration> {
    let target = place.join("target");
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    let start = now()?;
    succeed(
        cargo()
            .args(["build", "--offline", "--profile", profile, "--target-dir"])
            .arg(&target)
            .current_dir(place),
    )?;
    Ok(now()?.saturating_sub(start))
}

/// The release build was the last, and is there.
fn size(place: &Path) -> Result<u64> {
    Ok(fs::metadata(place.join("target/release/application"))?.len())
}

/// All that is compiled for this machine, without the application itself.
fn crates(place: &Path) -> Result<usize> {
    let output = cargo()
        .args([
            "tree",
            "--offline",
            "--prefix",
            "none",
            "--edges",
            "normal,build",
            "--no-dedupe",
            "--format",
            "{p}",
        ])
        .current_dir(place)
        .output()?;
    ensure!(output.status.success(), "cargo tree: {}", output.status);
    let tree = String::from_utf8_lossy(&output.stdout);
    let mut crates: Vec<_> = tree
        .lines()
        .map(|line| line.split(" (").next().unwrap_or(line))
        .collect();
    crates.sort_unstable();
    crates.dedup();
    Ok(crates.len() - 1)
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}

fn seconds(sample: &Sample) -> String {
    format!("{:.2}", sample.median().unwrap_or_default().as_secs_f64())
}

fn kibibytes(bytes: u64) -> String {
    bytes.div_ceil(1024).to_string()
}
