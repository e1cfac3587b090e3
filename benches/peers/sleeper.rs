//! The program that the tools start: no daemonizing of its own.

fn main() -> std::io::Result<()> {
    body::run()
}
