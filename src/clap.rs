//! The switch, the control flag and the path flags as arguments of the parser
//! [`clap`](https://docs.rs/clap) 4, so that
//! help, completions and man pages show them, and clap finds a clash with an argument of the
//! program. Feature `clap`.
//!
//! Flatten [`Background`] into the program's arguments: by `#[command(flatten)]` in derive, by
//! `Background::augment_args` in builder style; at the top or in one
//! subcommand. [`Switch`] is for a program whose user does not choose the paths.
//! [`ControlFlag`] is for the option `control_flag`.
//!
//! # With the attribute
//!
//! `#[daemon::main]` reads the command line before clap does and removes its own flags, so the daemon's
//! clap never sees them. What is declared here is for the help, and for the program in the foreground,
//! where the path flags are allowed and have no effect. The options of the attribute and the arguments
//! must say the same:
//!
//! ```
//! use clap::Parser;
//! use daemon::PathSource;
//! use daemon::clap::{Background, ControlFlag, show_default};
//!
//! #[derive(Parser)]
//! #[command(mut_arg("pid_file", |arg| {
//!     show_default(arg, PathSource::template("{pid_dir}/{name}.pid"))
//! }))]
//! struct Cli {
//!     #[command(flatten)]
//!     background: Background,
//!     #[command(flatten)]
//!     control: ControlFlag,
//! }
//!
//! #[daemon::main(
//!     pid = "{pid_dir}/{name}.pid",
//!     pid_flag = "--pid-file",
//!     log_flag = "--log-file",
//!     control_flag = "-s",
//! )]
//! fn main() {
//!     let _cli = Cli::parse();
//! }
//! ```
//!
//! # With `start`
//!
//! Here clap alone reads the command line:
//!
//! ```
//! use clap::Parser;
//! use daemon::{Daemon, PathSource};
//!
//! #[derive(Parser)]
//! struct Cli {
//!     #[command(flatten)]
//!     background: daemon::clap::Background,
//! }
//!
//! fn main() {
//!     let Cli { background } = Cli::parse();
//!     let daemon = Daemon::new().pid(PathSource::template("{pid_dir}/{name}.pid"));
//!     let _running = background.is_asked.then(|| background.apply(daemon).start());
//! }
//! ```
//!
//! # Other names
//!
//! The arguments have the ids `background`, `control`, `pid_file` and `log_file`, by which `mut_arg`
//! changes them. After `mut_arg("background", |arg| arg.short('b').long("bg"))` the attribute needs
//! `background_flag = ["-b", "--bg"]`. `arg.global(true)` makes an argument count in every subcommand.

pub use daemon_core::clap::{Background, ControlFlag, Switch, show_default};
