//! The attribute below that of a runtime, which is then already an ordinary `main`.

#![allow(clippy::print_stdout, reason = "a careless program is under test")]

#[path = "conduct.rs"]
mod conduct;

#[tokio::main]
#[daemon::main(pid = "{name}.pid", log = "{name}.log")]
async fn main() -> Result<(), String> {
    let follow = tokio::task::spawn_blocking(conduct::follow);
    Ok(follow.await.map_err(|error| error.to_string())??)
}
