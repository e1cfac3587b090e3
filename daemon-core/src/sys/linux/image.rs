//! Which program this is, as the kernel and the dynamic loader know it.

use std::ffi::{CString, OsStr, OsString, c_int, c_void};
use std::fs;
use std::io;
use std::ops::Range;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::proc_stat;

/// The very image that runs here, even if its file was deleted or replaced.
#[derive(Debug)]
pub(crate) struct Image;

impl Image {
    /// How it is named in a message.
    pub(crate) const NAME: &str = "/proc/self/exe";

    /// Nothing in `ld.so ./prog -d ARG`: there the image of this process is the loader, and executing
    /// it again would run ARG.
    pub(crate) fn of_this_process() -> io::Result<Option<Self>> {
        // Where the code of the file begins that the kernel executed.
        let begin = proc_stat::field("self", 26)?;
        let segments = segments_of_main_program();
        let is_own = segments.iter().any(|segment| segment.contains(&begin));
        Ok(is_own.then_some(Self))
    }

    /// What to execute.
    #[expect(clippy::unused_self, reason = "other systems must remember a path")]
    pub(crate) fn path(&self) -> io::Result<CString> {
        Ok(CString::new(Self::NAME)?)
    }
}

/// The name of this process, which would become `exe` by the way it is executed again.
pub(crate) fn comm() -> OsString {
    let mut comm = fs::read("/proc/self/comm").unwrap_or_default();
    if comm.last() == Some(&b'\n') {
        comm.pop();
    }
    OsString::from_vec(comm)
}

/// Gives it its name back, which `pgrep` and its like would look for in vain. A program can live
/// without it.
pub(crate) fn set_comm(comm: &OsStr) {
    if let Ok(comm) = CString::new(comm.as_bytes()) {
        let _ = nix::sys::prctl::set_name(&comm);
    }
}

/// The addresses at which the segments of the main program are loaded.
fn segments_of_main_program() -> Vec<Range<u64>> {
    let mut segments: Vec<Range<u64>> = Vec::new();
    // SAFETY: the callback is given this vector and uses it only during the call.
    unsafe { libc::dl_iterate_phdr(Some(on_object), (&raw mut segments).cast()) };
    segments
}

#[allow(
    clippy::unnecessary_cast,
    reason = "addresses are narrower on other systems"
)]
extern "C" fn on_object(info: *mut libc::dl_phdr_info, _: usize, segments: *mut c_void) -> c_int {
    // SAFETY: `dl_iterate_phdr` gives a valid description that lasts during the call.
    let info = unsafe { &*info };
    // SAFETY: the pointer is the one given to `dl_iterate_phdr` above.
    let segments = unsafe { &mut *segments.cast::<Vec<Range<u64>>>() };
    // SAFETY: the description says where the headers are and how many.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    for header in headers
        .iter()
        .filter(|header| header.p_type == libc::PT_LOAD)
    {
        let begin = (info.dlpi_addr as u64).wrapping_add(header.p_vaddr as u64);
        segments.push(begin..begin.wrapping_add(header.p_memsz as u64));
    }
    // The main program comes first; anything but 0 ends the iteration.
    1
}

/// Whether the kernel says that this program has more rights than its caller, see `AT_SECURE` in
/// `getauxval(3)`.
pub(crate) fn is_secure() -> bool {
    // SAFETY: the call takes an integer, and an unknown one gives 0.
    let secure = unsafe { libc::getauxval(libc::AT_SECURE) };
    secure != 0
}
