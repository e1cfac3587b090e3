//! Which program this is, as the dynamic loader knows it.

use std::ffi::{c_int, c_void};
use std::ops::Range;

/// The addresses at which the segments of the main program are loaded.
pub(crate) fn segments_of_main_program() -> Vec<Range<u64>> {
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
