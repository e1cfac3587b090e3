#[daemon::main(pid = "/run/hello.pid", log = "/var/log/hello.log", background_flag = "-d")]
/// Says hello.
#[allow(clippy::needless_return)]
pub fn main() -> Result<(), std::io::Error> {
    //! In its own words.
    #![warn(unused)]
    use std::io::Write;
    std::io::stdout().write_all(b"hello")?;
    return Ok(());
}

// expands to

/// Says hello.
#[allow(clippy::needless_return)]
fn main() -> Result<(), std::io::Error> {
    //! In its own words.
    #![warn(unused)]
    let _daemon = ::daemon::Daemon::new()
        .pid("/run/hello.pid")
        .log("/var/log/hello.log")
        .background_flag(["-d", "--background"])
        .enter();
    {
        use std::io::Write;
        std::io::stdout().write_all(b"hello")?;
        return Ok(());
    }
}
