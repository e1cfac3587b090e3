//! Where the programs under measurement come from: built here, or installed as packages.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Context as _, Result, ensure};

/// A program under measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Program {
    /// A binary of this package.
    Rust(&'static str),
    /// One file in `peers/`, compiled by `cc`.
    C(&'static str),
    /// Go's, compiled by `go`.
    Go,
    /// Something that the system has, or a package brings.
    Tool {
        name: &'static str,
        package: &'static str,
    },
}

/// What must be installed, and is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing(pub(crate) &'static str);

/// The programs, built.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) directory: PathBuf,
}

const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");
const GO_LIBRARY: &str = "/usr/share/gocode/src/github.com/sevlyar/go-daemon";
const C_COMPILER: &str = "gcc libc6-dev";
const GO_AND_LIBRARY: &str = "golang-go golang-github-sevlyar-go-daemon-dev";

impl Programs {
    /// Builds whatever can be built here. All with the optimisation that their users get by default:
    /// Cargo's release profile, `-O2`, `go build`.
    pub(crate) fn build() -> Result<Self> {
        let directory = env::current_exe()?;
        let directory = directory
            .parent()
            .context("a program has a directory")?
            .to_owned();

        let target = directory
            .parent()
            .context("a profile's directory has a parent")?;
        let built = cargo()
            .args(["build", "--release", "--bins", "--manifest-path"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
            .arg("--target-dir")
            .arg(target)
            .status()?;
        ensure!(built.success(), "cargo build: {built}");

        let programs = Self { directory };
        if find("cc").is_some() {
            programs.compile(&["-o"], "apue", "apue.c")?;
            programs.compile(&["-o"], "daemon3", "daemon3.c")?;
            programs.compile(&["-shared", "-fPIC", "-o"], "burden.so", "burden.c")?;
        }
        if find("go").is_some() && Path::new(GO_LIBRARY).exists() {
            programs.compile_go("", "go-daemon")?;
            if find("cc").is_some() {
                programs.compile_go("preloadable", "go-daemon-preloadable")?;
            }
        }
        Ok(programs)
    }

    fn compile(&self, options: &[&str], name: &str, source: &str) -> Result<()> {
        let mut cc = Command::new("cc");
        cc.args(["-O2", "-Wall", "-Wextra"])
            .args(options)
            .arg(self.directory.join(name));
        succeed(cc.arg(Path::new(PEERS).join(source)))
    }

    fn compile_go(&self, tags: &str, name: &str) -> Result<()> {
        let mut go = Command::new("go");
        // The distribution's packages lie in a GOPATH; there is no network in a benchmark.
        go.envs([("GO111MODULE", "off"), ("GOPATH", "/usr/share/gocode")]);
        go.args(["build", "-tags", tags, "-o"])
            .arg(self.directory.join(name))
            .arg(".");
        succeed(go.current_dir(Path::new(PEERS).join("go-daemon")))
    }

    /// The library that is preloaded to make a launcher large.
    pub(crate) fn burden(&self) -> Result<PathBuf, Missing> {
        self.built("burden.so").ok_or(Missing(C_COMPILER))
    }

    /// The file to execute where `burden` is to be preloaded.
    pub(crate) fn find_preloadable(&self, program: Program) -> Result<PathBuf, Missing> {
        match program {
            // Go links statically unless it is told otherwise.
            Program::Go => self
                .built("go-daemon-preloadable")
                .ok_or(Missing(GO_AND_LIBRARY)),
            other => self.find(other),
        }
    }

    /// The file to execute.
    pub(crate) fn find(&self, program: Program) -> Result<PathBuf, Missing> {
        let (path, package) = match program {
            Program::Rust(name) => (self.built(name), "cargo"),
            Program::C(name) => (self.built(name), C_COMPILER),
            Program::Go => (self.built("go-daemon"), GO_AND_LIBRARY),
            Program::Tool { name, package } => (find(name), package),
        };
        path.ok_or(Missing(package))
    }

    fn built(&self, name: &str) -> Option<PathBuf> {
        Some(self.directory.join(name)).filter(|path| path.exists())
    }
}

/// The cargo that runs this program, if one does.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn succeed(command: &mut Command) -> Result<()> {
    let status: ExitStatus = command.status().with_context(|| format!("{command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}

/// Looks a program up as a shell would; the directories of root's tools are always among them.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
}
