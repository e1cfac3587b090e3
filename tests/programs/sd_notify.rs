//! A program that notifies systemd by another library, and uses only the attribute of this
//! one.

use std::thread;
use std::time::Duration;

use sd_notify::NotifyState;

#[daemon::main(pid = "{name}.pid", ready = "notify", ready_timeout = 1)]
fn main() -> std::io::Result<()> {
    sd_notify::notify(&[
        NotifyState::Status("two seconds are needed"),
        NotifyState::ExtendTimeoutUsec(60_000_000),
    ])?;
    if std::env::args().nth(1).as_deref() == Some("--fail") {
        sd_notify::notify(&[NotifyState::Errno(2)])?;
        return Err(std::io::Error::other("no luck"));
    }
    thread::sleep(Duration::from_secs(2));
    sd_notify::notify(&[NotifyState::Ready])?;
    loop {
        thread::park();
    }
}
