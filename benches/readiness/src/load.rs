//! Other work for the processors.

use std::env;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};
use std::thread::{self, sleep};
use std::time::Duration;

/// Long enough for the load average to rise.
const WARM_UP: Duration = Duration::from_secs(20);

/// Four threads that compute, one that writes to the disk, and two that wake each other up.
#[derive(Debug)]
pub(crate) struct Load(Child);

impl Load {
    pub(crate) fn begin() -> Self {
        let mut command = Command::new(env::current_exe().expect("this program"));
        let load = Self(command.arg("stress").spawn().expect("a load"));
        sleep(WARM_UP);
        load
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

pub(crate) fn stress() -> ! {
    for _ in 0..4 {
        thread::spawn(|| {
            let mut value = 1_u64;
            loop {
                value = black_box(value.wrapping_mul(31).wrapping_add(7));
            }
        });
    }
    let (mut ours, mut theirs) = UnixStream::pair().expect("a pair");
    thread::spawn(move || {
        let mut byte = [0];
        while theirs.read_exact(&mut byte).is_ok() {
            theirs.write_all(&byte).ok();
        }
    });
    thread::spawn(move || {
        while ours.write_all(&[0]).is_ok() {
            ours.read_exact(&mut [0]).ok();
        }
    });
    let path = env::temp_dir().join(format!("readiness-load-{}", std::process::id()));
    loop {
        let mut file = File::create(&path).expect("a file");
        fs::remove_file(&path).ok();
        for _ in 0..16 {
            file.write_all(&vec![7; 1 << 20]).ok();
            file.sync_all().ok();
        }
    }
}

/// The machine in one line.
pub(crate) fn describe(is_loaded: bool) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let average = read("/proc/loadavg");
    let average: Vec<&str> = average.split(' ').take(3).collect();
    let processors = thread::available_parallelism().map_or(0, usize::from);
    format!(
        "Linux {}, {processors} processors, {}, load average {} at the end\n",
        read("/proc/sys/kernel/osrelease").trim(),
        if is_loaded {
            "with load"
        } else {
            "without a load by the bench"
        },
        average.join(" ")
    )
}
