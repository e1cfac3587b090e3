//! Steps that change the rights of the program, and steps that look at them.

use std::env;
use std::ffi::CString;
use std::io;

use nix::unistd::{
    chroot, getgid, getuid, setegid, seteuid, setgid, setgroups, setresgid, setresuid, setuid,
};

pub(crate) fn take(verb: &str, object: &str) -> io::Result<()> {
    match verb {
        "drop" => drop_privileges(object)?,
        "chroot" => {
            chroot(object)?;
            env::set_current_dir("/")?;
        }
        "regain" => regain_privileges(),
        "hide-root" => hide_root(object.parse().expect("a user"))?,
        "lower" | "drop-ids" => change_ids(verb)?,
        "own-ids" => setresuid(0.into(), 0.into(), 0.into())?,
        "keep-caps" => nix::sys::prctl::set_keepcaps(true)?,
        "no-key" => expect_no_key(object),
        other => panic!("no such step: {other}"),
    }
    Ok(())
}

/// `USER`, or `USER:GROUP`.
fn drop_privileges(name: &str) -> io::Result<()> {
    let (user, group) = match name.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (name, None),
    };
    daemon::drop_privileges(user, group).map_err(|error| {
        eprintln!("{:?} {error}", error.kind());
        io::Error::other(error)
    })
}

/// Another user that can become root again.
fn hide_root(user: u64) -> io::Result<()> {
    let user = u32::try_from(user).expect("a user").into();
    Ok(setresuid(user, user, 0.into())?)
}

/// Every way back to root that a program has.
/// As a set-uid program lowers its rights, or drops them for good.
fn change_ids(verb: &str) -> nix::Result<()> {
    let (uid, gid) = (getuid(), getgid());
    if verb == "lower" {
        setegid(gid)?;
        return seteuid(uid);
    }
    setresgid(gid, gid, gid)?;
    setresuid(uid, uid, uid)
}

/// The session keyring holds no user key with this description.
fn expect_no_key(description: &str) {
    const SEARCH: libc::c_ulong = 10;
    const SESSION_KEYRING: libc::c_long = -3;
    let description = CString::new(description).expect("no NUL byte");
    // SAFETY: the strings end with a NUL byte, and no keyring is linked to.
    let found = unsafe {
        libc::syscall(
            libc::SYS_keyctl,
            SEARCH,
            SESSION_KEYRING,
            c"user".as_ptr(),
            description.as_ptr(),
            0,
        )
    };
    assert_eq!(found, -1, "a key of the caller");
}

fn regain_privileges() {
    assert!(setuid(0.into()).is_err(), "root's uid");
    assert!(setgid(0.into()).is_err(), "root's gid");
    assert!(setgroups(&[0.into()]).is_err(), "root's group");
}
