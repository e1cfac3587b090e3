//! Programs of published crates, which the rule was not tuned on: `published -d NAME`. Those that
//! fail end with status 3.

mod failing;
mod healthy;

use std::env;
use std::future::Future;
use std::net::SocketAddr;
use std::process::exit;

#[daemon::main]
fn main() {
    let name = env::args().nth(1).expect("the name of a program");
    let tables = [healthy::PROGRAMS, failing::PROGRAMS];
    let program = tables
        .into_iter()
        .flatten()
        .find(|(known, _)| *known == name);
    let (_, run) = program.expect("a known program");
    run();
}

/// A name, and what the program does.
type Program = (&'static str, fn());

fn block_on(program: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(program);
}

/// The end of a start that fails.
fn fail(reason: &dyn std::fmt::Display) -> ! {
    eprintln!("failed: {reason}");
    exit(3)
}

/// A service of the bench.
fn service(name: &str) -> SocketAddr {
    let variable = format!("ZOO_{name}");
    let address = env::var(&variable).unwrap_or_else(|_| panic!("{variable} is not set"));
    address.parse().expect("an address")
}
