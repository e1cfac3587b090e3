//! Which program this is, as the kernel and the dynamic loader know it.

use std::ffi::{CStr, CString, OsStr, OsString, c_int, c_void};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::prctl;
use nix::unistd::{getpid, gettid};

use crate::files::FileId;
use crate::sys::read;

/// The very image that runs here, even if its file was deleted or replaced.
#[derive(Debug)]
pub(crate) struct Image;

impl Image {
    /// How it is named in a message.
    pub(crate) const NAME: &str = "/proc/self/exe";

    /// `None` in `ld.so ./prog -d ARG`: there the image of this process is the loader, and
    /// executing it again would run ARG.
    ///
    /// A program that asks for a loader has one; where the kernel did not load it, see `AT_BASE` in
    /// `getauxval(3)`, the user executed the loader, and the loader loaded this program.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "other systems must find out a path"
    )]
    pub(crate) fn of_this_process() -> io::Result<Option<Self>> {
        let is_own = kernel_loaded_a_loader() || !asks_for_loader();
        Ok(is_own.then_some(Self))
    }

    /// What to execute.
    #[expect(clippy::unused_self, reason = "other systems must remember a path")]
    pub(crate) fn path(&self) -> io::Result<CString> {
        Ok(CString::new(Self::NAME)?)
    }
}

/// The path of this program, where an emulator (valgrind, qemu-user) hides itself behind
/// [`Image::NAME`] and the kernel would execute the emulator.
pub(super) fn path_below_emulator() -> Option<CString> {
    let name = Path::new(Image::NAME);
    let program = FileId::of_open(&File::open(name).ok()?).ok()?;
    let executed = FileId::of_target(name).ok()?;
    let path = fs::read_link(name).ok()?;
    let is_path = executed != program && FileId::of_target(&path).ok()? == program;
    is_path.then(|| CString::new(path.into_os_string().into_vec()).ok())?
}

/// Whether an emulator runs this program.
pub(crate) fn is_emulated() -> bool {
    path_below_emulator().is_some()
}

/// As long as a name can be with its NUL byte, see `PR_GET_NAME(2const)`.
const TASK_COMM_LEN: usize = 16;

/// The name of this process, which would become `exe` by the way it is executed again.
pub(crate) fn comm() -> OsString {
    // Each thread has a name, and that of the first is the process's.
    if gettid() == getpid() {
        // `nix` hands over an array that it has promised not to change: a compiler that sees that,
        // as with link-time optimization, takes the array for empty afterwards.
        let mut name = [0_u8; TASK_COMM_LEN];
        // SAFETY: the call writes so many bytes at most, and the array has them.
        let result = unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
        return match CStr::from_bytes_until_nul(&name) {
            Ok(name) if result == 0 => OsString::from_vec(name.to_bytes().to_vec()),
            _ => OsString::new(),
        };
    }
    let mut comm = read::content("/proc/self/comm".as_ref()).unwrap_or_default();
    if comm.last() == Some(&b'\n') {
        comm.pop();
    }
    OsString::from_vec(comm)
}

/// Gives the process its name back, by which `pgrep` finds it. A program can live without it.
pub(crate) fn set_comm(comm: &OsStr) {
    if gettid() != getpid() {
        fs::write("/proc/self/comm", comm.as_bytes()).ok();
    } else if let Ok(comm) = CString::new(comm.as_bytes()) {
        let _ = prctl::set_name(&comm);
    }
}

/// Whether the kernel gave this process the ids of the owner of its image. A program with file
/// capabilities has `AT_SECURE` too, but not these bits.
pub(crate) fn gives_ids() -> bool {
    const SET_ID: u32 = libc::S_ISUID | libc::S_ISGID;
    is_secure() && fs::metadata(Image::NAME).map_or(true, |image| image.mode() & SET_ID != 0)
}

fn kernel_loaded_a_loader() -> bool {
    // SAFETY: the call takes an integer.
    let loader = unsafe { libc::getauxval(libc::AT_BASE) };
    loader != 0
}

/// Whether this program is linked dynamically, so that it cannot run without a loader.
fn asks_for_loader() -> bool {
    let mut asks = false;
    // SAFETY: the callback is given this variable and uses it only during the call.
    unsafe { libc::dl_iterate_phdr(Some(on_object), (&raw mut asks).cast()) };
    asks
}

extern "C" fn on_object(info: *mut libc::dl_phdr_info, _: usize, asks: *mut c_void) -> c_int {
    // SAFETY: `dl_iterate_phdr` gives a valid description that lasts during the call.
    let info = unsafe { &*info };
    // SAFETY: the pointer is the one given to `dl_iterate_phdr` above.
    let asks = unsafe { &mut *asks.cast::<bool>() };
    // SAFETY: the description says where the headers are and how many.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    *asks = headers
        .iter()
        .any(|header| header.p_type == libc::PT_INTERP);
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
