//! The program that the tools start. It does no daemonizing.

fn main() -> std::io::Result<()> {
    body::run()
}
