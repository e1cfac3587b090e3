//! The same in an image of 60 MB, 2 MB of which are addresses that the dynamic linker writes.

use std::hint::black_box;
use std::io;

static BYTES: [u8; 58 << 20] = [1; 58 << 20];
static ADDRESSES: [&u8; (2 << 20) / size_of::<&u8>()] = [&BYTES[0]; (2 << 20) / size_of::<&u8>()];

#[daemon::main(
    pid = body::pid_file(),
    log = body::log_file(),
    ready = "exec",
    restart = "on-failure",
    restart_delay = "0s"
)]
fn main() -> io::Result<()> {
    // An image without them would be a small one.
    black_box((&BYTES, &ADDRESSES));
    body::run()
}
