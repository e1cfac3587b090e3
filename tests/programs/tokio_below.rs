//! The attribute above that of a runtime.

#![allow(clippy::print_stdout, reason = "a careless program is under test")]

#[path = "conduct.rs"]
mod conduct;

#[daemon::main(pid = "{name}.pid", log = "{name}.log")]
#[tokio::main]
async fn main() -> Result<(), String> {
    let follow = tokio::task::spawn_blocking(conduct::follow);
    Ok(follow.await.map_err(|error| error.to_string())??)
}
