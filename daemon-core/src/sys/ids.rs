//! The ids of a process, where the systems differ.

use nix::errno::Errno;
#[cfg(not(any(target_vendor = "apple", target_os = "illumos")))]
pub(crate) use nix::unistd::getgrouplist as groups_of;
#[cfg(not(target_vendor = "apple"))]
pub(crate) use nix::unistd::setgroups as set_groups;
use nix::unistd::{Gid, Uid};

/// Whether the real, the effective and the saved ids are these, as far as they can be read.
pub(crate) fn are(uid: Uid, gid: Gid) -> bool {
    let (uids, gids) = of_this_process();
    uids == Ok([uid; 3]) && gids == Ok([gid; 3])
}

/// Whether they are one user and one group.
pub(crate) fn are_alike() -> bool {
    let (uids, gids) = of_this_process();
    uids.is_ok_and(|[real, ..]| uids == Ok([real; 3]))
        && gids.is_ok_and(|[real, ..]| gids == Ok([real; 3]))
}

/// The real, the effective and the saved ids, as far as they can be read.
fn of_this_process() -> (Result<[Uid; 3], Errno>, Result<[Gid; 3], Errno>) {
    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_os = "dragonfly",
        target_os = "openbsd"
    ))]
    {
        use nix::unistd::{getresgid, getresuid};
        let uids = getresuid().map(|it| [it.real, it.effective, it.saved]);
        let gids = getresgid().map(|it| [it.real, it.effective, it.saved]);
        (uids, gids)
    }
    #[cfg(not(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_os = "dragonfly",
        target_os = "openbsd"
    )))]
    {
        use nix::unistd::{getegid, geteuid, getgid, getuid};
        let (uid, gid) = (geteuid(), getegid());
        (Ok([getuid(), uid, uid]), Ok([getgid(), gid, gid]))
    }
}

/// Whether this process has, or can get back, the ids of a set-uid or set-gid program.
///
/// A program that has dropped such ids for good is still that program: the next exec would give them
/// back.
pub(crate) fn are_borrowed() -> bool {
    !are_alike() || super::image::gives_ids()
}

/// Whether these are all groups of the process, in whatever order.
#[cfg(not(target_vendor = "apple"))]
pub(crate) fn are_all_groups(groups: &[Gid]) -> bool {
    let as_set = |mut groups: Vec<Gid>| {
        groups.sort_unstable_by_key(|group| group.as_raw());
        groups.dedup();
        groups
    };
    nix::unistd::getgroups().map(as_set) == Ok(as_set(groups.to_owned()))
}

/// There a directory service answers, and not what was set: see `getgroups(2)` of macOS.
#[cfg(target_vendor = "apple")]
pub(crate) fn are_all_groups(_: &[Gid]) -> bool {
    true
}

/// `getgrouplist(3)`
#[cfg(any(target_vendor = "apple", target_os = "illumos"))]
#[allow(
    clippy::unnecessary_cast,
    reason = "on macOS the ids of groups have a sign here, and nowhere else"
)]
pub(crate) fn groups_of(user: &std::ffi::CStr, gid: Gid) -> Result<Vec<Gid>, Errno> {
    /// More than any user has.
    const MOST: usize = 4096;
    let mut groups = vec![0; MOST];
    let mut count = MOST as libc::c_int;
    // SAFETY: the name ends with a NUL byte, and the count is that of the vector.
    let listed = unsafe {
        libc::getgrouplist(
            user.as_ptr(),
            gid.as_raw() as _,
            groups.as_mut_ptr(),
            &raw mut count,
        )
    };
    Errno::result(listed)?;
    groups.truncate(usize::try_from(count).unwrap_or_default());
    let groups = groups.into_iter().map(|group| group as libc::gid_t);
    Ok(groups.map(Gid::from_raw).collect())
}

/// `setgroups(2)`
#[cfg(target_vendor = "apple")]
pub(crate) fn set_groups(groups: &[Gid]) -> Result<(), Errno> {
    let groups: Vec<libc::gid_t> = groups.iter().map(|group| group.as_raw()).collect();
    let count = libc::c_int::try_from(groups.len()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the pointer and the count are those of the vector.
    let set = unsafe { libc::setgroups(count, groups.as_ptr()) };
    Errno::result(set).map(drop)
}

/// Does something that changes the ids, and leaves the process as open to tracing and to core dumps
/// as it was, see `PR_SET_DUMPABLE` in `prctl(2)`.
pub(crate) fn keep_dumpable<E>(change: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::prctl;
        let is_dumpable = prctl::get_dumpable() == Ok(true);
        change()?;
        if is_dumpable {
            let _ = prctl::set_dumpable(true);
        }
        Ok(())
    }
    #[cfg(not(target_os = "linux"))]
    change()
}
