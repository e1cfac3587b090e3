//! What happens at run time behind `#[daemon::main]`. Programs use it through the crate `daemon`;
//! it works without the attribute too.

#![deny(unsafe_code)]

mod command_line;
mod daemon;
mod enter;
mod error;
mod path_template;
mod readiness;
mod running;
mod signal;

pub use daemon::{Daemon, PathSource, Readiness};
pub use error::{Error, ErrorKind};
pub use running::Running;
pub use signal::Signal;

#[doc(no_inline)]
pub use std::process::Termination;
