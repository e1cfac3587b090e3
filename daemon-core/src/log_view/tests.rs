use std::fs::{self, File};
use std::io::{self, Write};

use super::part::{BLOCK, LogPart, Unopened, start_of_last_lines};

fn file(content: &[u8]) -> File {
    let mut file = crate::sys::files::in_memory().expect("a file");
    file.write_all(content).expect("write");
    file
}

#[test]
fn last_lines_begin_after_a_newline() {
    for (content, count, begin) in [
        ("a\nb\nc\n", 1, 4),
        ("a\nb\nc\n", 2, 2),
        ("a\nb\nc\n", 3, 0),
        ("a\nb\nc\n", 9, 0),
        ("a\nb\nc", 1, 4),
        ("a\n\n\n", 2, 2),
        ("a\nb\n", 0, 4),
        ("", 10, 0),
    ] {
        let found = start_of_last_lines(&file(content.as_bytes()), count);
        assert_eq!(found.ok(), Some(begin), "{count} of {content:?}");
    }
    // Newlines at both sides of the border between two blocks.
    let mut long = vec![b'x'; 3 * BLOCK];
    for at in [BLOCK - 1, 2 * BLOCK, 3 * BLOCK - 1] {
        long[at] = b'\n';
    }
    for (count, begin) in [(1, 2 * BLOCK + 1), (2, BLOCK), (3, 0)] {
        let found = start_of_last_lines(&file(&long), count);
        assert_eq!(found.ok(), Some(begin as u64), "{count}");
    }
}

#[test]
fn what_is_put_in_the_place_of_a_log_is_not_read() {
    let directory = std::env::temp_dir().join(format!("daemon-view-{}", std::process::id()));
    fs::create_dir(&directory).expect("mkdir");
    let (log, secret) = (directory.join("log"), directory.join("secret"));
    fs::write(&secret, "secret\n").expect("write");
    std::os::unix::fs::symlink(&secret, &log).expect("symlink");
    let link = LogPart::open_regular(&log, None);
    fs::remove_file(&log).expect("remove");
    fs::create_dir(&log).expect("mkdir");
    let other = LogPart::open_regular(&log, None);
    fs::remove_dir_all(&directory).expect("remove");
    // Not by what root looks at after the open.
    let is_followed = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    assert!(matches!(link, Err(Unopened::System(error)) if !is_followed(&error)));
    assert!(matches!(other, Err(Unopened::Irregular)));
}

/// How much this thread has read, see `proc_pid_io(5)`.
#[cfg(target_os = "linux")]
fn bytes_read() -> u64 {
    let io = fs::read_to_string("/proc/thread-self/io").expect("its counters");
    let read = io.lines().find_map(|line| line.strip_prefix("rchar: "));
    read.expect("a counter").parse().expect("a number")
}

#[cfg(target_os = "linux")]
#[test]
fn large_log_is_read_from_its_end() {
    let mut file = file(b"");
    file.set_len(10_000_000_000).expect("a sparse file");
    io::Seek::seek(&mut file, io::SeekFrom::End(0)).expect("seek");
    file.write_all(b"\nlast\nlines\n").expect("write");
    let before = bytes_read();
    let begin = start_of_last_lines(&file, 2).expect("read");
    assert_eq!(begin, 10_000_000_001);
    let read = bytes_read() - before;
    assert!(read < 3 * BLOCK as u64, "{read} bytes");
}
