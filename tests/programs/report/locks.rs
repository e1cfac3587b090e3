//! Steps that lock files: an oracle for two daemons at once, and what a hostile user tries.

use std::env;
use std::fs::{self, File};
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, RawFd};
use std::os::unix::fs::FileExt;
use std::process::Command;

use nix::fcntl::{FcntlArg, fcntl};
use nix::unistd::{SysconfVar, sysconf};

pub(crate) fn take(verb: &str, object: &str) -> io::Result<bool> {
    match verb {
        "alone" => alone(object)?,
        "pester" => pester(object),
        "replace-lock" => replace_lock(object)?,
        "forge" => forge(object)?,
        "claim-supervisor" => claim_supervisor()?,
        // A child that carries out a control verb.
        "control" => {
            let mut verb = Command::new(env::current_exe()?);
            verb.args(["-s", object]).spawn()?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Locks the file until this process ends, or records in another file that there are two of it.
///
/// The kernel drops a lock of a process before those of its open file descriptions, so a daemon that
/// comes after this one finds no lock here.
fn alone(name: &str) -> io::Result<()> {
    let file = File::options().create(true).append(true).open(name)?;
    if fcntl(&file, FcntlArg::F_SETLK(&lock(libc::F_WRLCK, 0, 0))).is_err() {
        File::create(format!("{name}.two"))?;
    }
    let _ = file.into_raw_fd();
    Ok(())
}

/// Puts another file in the place of the descriptor that holds the lock, as a program does that closes
/// every descriptor and then opens its own files.
fn replace_lock(name: &str) -> io::Result<()> {
    let file = File::options().read(true).write(true).open(name)?;
    let fd = locked_descriptor()?;
    // SAFETY: the call takes integers; what it closes is not used by this program.
    unsafe { libc::dup2(file.as_raw_fd(), fd) };
    Ok(())
}

/// The descriptor of the PID file, which the daemon has inherited.
fn locked_descriptor() -> io::Result<RawFd> {
    let pid_file = daemon::pid_file().expect("a PID file");
    for entry in fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        if fs::read_link(entry.path()).is_ok_and(|target| target == pid_file) {
            return Ok(entry.file_name().to_string_lossy().parse().expect("an fd"));
        }
    }
    panic!("no descriptor of the PID file");
}

/// Makes the PID file and its lock tell of the process whose pid is in this file, as a daemon in the
/// hands of an attacker can.
fn forge(name: &str) -> io::Result<()> {
    const STAMP: libc::off_t = 1 << 61;
    let victim = fs::read_to_string(name)?;
    let fields = fs::read_to_string(format!("/proc/{}/stat", victim.trim()))?;
    let (_, fields) = fields.rsplit_once(')').expect("a name");
    let began = fields.split_whitespace().nth(22 - 3).expect("a start");
    let ticks: libc::off_t = began.parse().expect("a number");
    let per_second = sysconf(SysconfVar::CLK_TCK)?.expect("the ticks of a second");
    let milliseconds = ticks * 1000 / libc::off_t::from(per_second);
    // SAFETY: the descriptor is open, and nothing else in this program uses it.
    let file = unsafe { File::from_raw_fd(locked_descriptor()?) };
    file.write_all_at(victim.as_bytes(), 0)?;
    file.set_len(victim.len() as u64)?;
    for (kind, length) in [(libc::F_WRLCK, STAMP), (libc::F_UNLCK, milliseconds)] {
        fcntl(&file, FcntlArg::F_OFD_SETLK(&lock(kind, STAMP, length)))?;
    }
    let _open_for_ever = file.into_raw_fd();
    Ok(())
}

/// Makes the lock of the PID file tell of a supervisor whose run is up.
fn claim_supervisor() -> io::Result<()> {
    let file = locked_descriptor()?;
    let lock = lock(libc::F_WRLCK, 2, 1);
    // SAFETY: the structure lives until the call returns, which only reads it.
    let taken = unsafe { libc::fcntl(file, libc::F_OFD_SETLK, &raw const lock) };
    nix::errno::Errno::result(taken)?;
    Ok(())
}

/// Takes every lock that a user with read permission can have, and keeps them.
fn pester(name: &str) {
    let mut held = Vec::new();
    for round in 0_usize.. {
        let Ok(file) = File::open(name) else {
            continue;
        };
        let (start, length) = [(0, 0), (0, 1), (1, 0), (1, 1)][round % 4];
        let lock = lock(libc::F_RDLCK, start, length);
        let _ = fcntl(&file, FcntlArg::F_OFD_SETLK(&lock));
        let kind = [libc::LOCK_SH, libc::LOCK_EX][round % 2];
        // SAFETY: the descriptor is open as long as the file is borrowed.
        unsafe { libc::flock(file.as_raw_fd(), kind | libc::LOCK_NB) };
        held.push(file);
        if held.len() > 64 {
            drop(mem::take(&mut held));
        }
    }
}

fn lock(kind: libc::c_int, start: libc::off_t, length: libc::off_t) -> libc::flock {
    libc::flock {
        l_type: kind.try_into().expect("a kind of lock"),
        l_whence: libc::SEEK_SET.try_into().expect("a whence"),
        l_start: start,
        l_len: length,
        l_pid: 0,
    }
}
