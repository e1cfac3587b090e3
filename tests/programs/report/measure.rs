//! What a process sees of itself, from `/proc` and from std.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::{env, io};

use nix::unistd::getpid;

use crate::report::{Descriptor, Report, Signals};

pub(crate) fn report() -> io::Result<Report> {
    // Before this function opens a file.
    let descriptors = descriptors()?;
    let status = fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| field(&status, name).unwrap_or_default();
    let stat = fs::read("/proc/self/stat")?;
    let stat = numbers_after_comm(&stat);
    let comm = fs::read("/proc/self/comm")?;
    let image = fs::metadata("/proc/self/exe")?;

    Ok(Report {
        pid: getpid().as_raw(),
        ppid: stat[0],
        pgid: stat[1],
        sid: stat[2],
        tty: stat[3],
        comm: comm.trim_ascii_end().to_vec(),
        threads: fs::read_dir("/proc/self/task")?.count(),
        arguments: env::args_os().map(OsString::into_vec).collect(),
        environment: env::vars_os()
            .map(|(name, value)| (name.into_vec(), value.into_vec()))
            .collect(),
        cwd: bytes(&fs::read_link("/proc/self/cwd")?),
        umask: u32::from_str_radix(field("Umask"), 8).unwrap_or(u32::MAX),
        descriptors,
        signals: Signals {
            blocked: signal_set(field("SigBlk")),
            ignored: signal_set(field("SigIgn")),
            caught: signal_set(field("SigCgt")),
            pending: signal_set(field("SigPnd")) | signal_set(field("ShdPnd")),
        },
        uids: numbers(field("Uid")),
        gids: numbers(field("Gid")),
        groups: numbers(field("Groups")),
        exe: bytes(&fs::read_link("/proc/self/exe")?),
        image: (image.dev(), image.ino()),
        is_daemon: daemon::is_daemon(),
        start_dir: daemon::start_dir().as_deref().map(bytes),
        pid_file: daemon::pid_file().map(bytes),
        log_file: daemon::log_file().map(bytes),
    })
}

/// The bytes that the heap, the stacks and other private memory take, see `proc_pid_statm(5)`.
pub(crate) fn data_size() -> io::Result<u64> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split_whitespace().nth(5);
    Ok(pages
        .and_then(|pages| pages.parse::<u64>().ok())
        .unwrap_or(0)
        * 4096)
}

fn descriptors() -> io::Result<Vec<Descriptor>> {
    // An entry would keep the directory open.
    let names = fs::read_dir("/proc/self/fd")?.map(|entry| Ok(entry?.file_name()));
    let names: Vec<_> = names.collect::<io::Result<_>>()?;
    let mut open = Vec::new();
    for name in names {
        let path = Path::new("/proc/self/fd").join(&name);
        // The descriptor that listed the directory is closed by now.
        let Ok(target) = fs::read_link(&path) else {
            continue;
        };
        let file = fs::metadata(&path)?;
        let info = fs::read_to_string(Path::new("/proc/self/fdinfo").join(&name))?;
        open.push(Descriptor {
            fd: name.to_string_lossy().parse().unwrap_or(-1),
            target: bytes(&target),
            flags: field(&info, "flags")
                .and_then(|flags| i32::from_str_radix(flags, 8).ok())
                .unwrap_or(-1),
            file: (file.dev(), file.ino()),
        });
    }
    open.sort_by_key(|open| open.fd);
    Ok(open)
}

/// The numbers that follow the state in `/proc/self/stat`: ppid, pgrp, session, tty.
fn numbers_after_comm(stat: &[u8]) -> Vec<i32> {
    let end = stat.iter().rposition(|byte| *byte == b')').unwrap_or(0);
    let text = String::from_utf8_lossy(&stat[end + 1..]).into_owned();
    let fields = text.split_whitespace().skip(1).take(4);
    fields.map(|field| field.parse().unwrap_or(-1)).collect()
}

fn field<'text>(text: &'text str, name: &str) -> Option<&'text str> {
    let mut lines = text.lines();
    lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim()))
}

fn signal_set(hexadecimal: &str) -> u64 {
    u64::from_str_radix(hexadecimal, 16).unwrap_or(u64::MAX)
}

fn numbers(text: &str) -> Vec<u32> {
    text.split_whitespace().flat_map(str::parse).collect()
}

fn bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}
