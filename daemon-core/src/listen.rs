//! `listen`: the sockets that the launcher binds for the daemon.
//!
//! The daemon inherits them as `sd_listen_fds(3)` describes it, after those that the launcher itself has
//! inherited in this way. A supervisor inherits them like a daemon, and so keeps them for each run.

use std::fs;
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::bound_socket::{self, BoundUnix, SocketFile, bind_tcp, bind_unix, id_of};
use crate::error::{Error, ErrorKind, shown};
use crate::files::{FileId, missing_directory};
use crate::listen_address::{Place, is_privileged};
use crate::listen_fds;
use crate::listener;
use crate::running;
use crate::settings::{ListenSocket, Settings};
use crate::sys;
use crate::trust;
use crate::unix_address::UnixAddress;

/// The sockets that a daemon gets.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    /// Those that the launcher has bound, and their fds in the daemon.
    pub(crate) bound: Vec<(OwnedFd, RawFd)>,
    /// The names of all sockets, those first that the launcher has inherited.
    pub(crate) names: Vec<String>,
}

/// The sockets of one start, in the launcher.
pub(crate) trait StartSockets {
    /// Binds them.
    ///
    /// # Errors
    ///
    /// `AddressInUse`, `Permission`, `System`; for a path also `CannotCreate` and `Configuration`.
    fn bind(&mut self, settings: &Settings) -> Result<Sockets, Error>;

    /// Fails where the way to a Unix socket does: what holds the address now is not looked at, nor a
    /// directory that is made before the bind.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    fn check_ways(
        &self,
        settings: &Settings,
        is_made_later: &dyn Fn(&Path) -> bool,
    ) -> Result<(), Error>;

    /// Where they are in the daemon.
    fn fds(&self) -> Range<RawFd>;

    /// The start has succeeded: the files of Unix sockets stay.
    fn keep_files(&mut self);
}

/// The sockets of a supervised daemon, in its supervisor.
pub(crate) trait RunSockets {
    /// Binds those at a path anew whose files are gone, or that the last run has shut down. Lets a TCP
    /// socket listen again that it has shut down.
    ///
    /// # Errors
    ///
    /// As [`StartSockets::bind`].
    fn bind_lost(&mut self, settings: &Settings) -> Result<(), Error>;

    /// Closes them: there is no next run.
    fn close(&mut self);
}

/// Keeps the fds free that the sockets get in the daemon, after those that the launcher passes on of its
/// own. To be called before the launcher opens a file, which could get such an fd.
///
/// # Errors
///
/// `Configuration` if one of them is listed in `keep_fds`.
pub(crate) fn plan(
    settings: &Settings,
    passes_on_own: bool,
) -> Result<Box<dyn StartSockets>, Error> {
    let names = if passes_on_own {
        listen_fds::names()
    } else {
        Vec::new()
    };
    let sockets = settings.listen.iter();
    // systemd may have handed it over.
    let sockets: Vec<_> = sockets
        .filter(|socket| !names.contains(&socket.name))
        .cloned()
        .collect();
    let first = index_to_fd(names.len());
    let end = index_to_fd(names.len() + sockets.len());
    if let Some(fd) = settings
        .keep_fds
        .iter()
        .find(|fd| (first..end).contains(fd))
    {
        let reason = format!("descriptor {fd} is a socket of `listen`; use {end} or above");
        let what = "cannot use the option `keep_fds`";
        return Err(Error::new(ErrorKind::Configuration, what, reason));
    }
    let reserve = |fd: RawFd| {
        // What is open there is the caller's, and is closed in the daemon. Another thread may close it
        // before that.
        let reserved = (!sys::descriptors::is_open(fd)).then(|| sys::descriptors::duplicate(0, fd));
        reserved.transpose()
    };
    let reserved = (first..end).map(reserve).collect::<io::Result<Vec<_>>>();
    let reserved = reserved.map_err(|cause| Error::step("reserve a descriptor", cause))?;
    Ok(Box::new(ListenPlan {
        names,
        sockets,
        first,
        reserved: reserved.into_iter().flatten().collect(),
        files: Vec::new(),
    }))
}

fn index_to_fd(index: usize) -> RawFd {
    let index = RawFd::try_from(index).unwrap_or(RawFd::MAX);
    listen_fds::FIRST.saturating_add(index)
}

#[derive(Debug)]
struct ListenPlan {
    /// Of the sockets that the launcher has inherited.
    names: Vec<String>,
    /// Those that are to be bound.
    sockets: Vec<ListenSocket>,
    /// The fd of the first of them in the daemon.
    first: RawFd,
    #[expect(dead_code, reason = "they are closed when the start is over")]
    reserved: Vec<OwnedFd>,
    files: Vec<BoundFile>,
}

impl StartSockets for ListenPlan {
    fn bind(&mut self, settings: &Settings) -> Result<Sockets, Error> {
        let mut bound = Vec::new();
        for (socket, fd) in self.sockets.iter().zip(self.first..) {
            let place = Place::of(socket);
            let BoundUnix { socket, file } = bind(&place, settings).map_err(|error| match self
                .other_part_of(&place)
            {
                Some(other) if error.kind() == ErrorKind::AddressInUse => overlap(&place, &other),
                _ => error,
            })?;
            if let (Place::Unix(UnixAddress::Path(path)), Some(id)) = (place, file) {
                let same = socket.try_clone();
                self.files.push(BoundFile {
                    path,
                    id: Some(id),
                    socket: same.map_err(|cause| Error::step("duplicate a descriptor", cause))?,
                });
            }
            bound.push((socket, fd));
        }
        let names = self.sockets.iter().map(|socket| socket.name.clone());
        let names = self.names.iter().cloned().chain(names).collect();
        Ok(Sockets { bound, names })
    }

    fn check_ways(
        &self,
        settings: &Settings,
        is_made_later: &dyn Fn(&Path) -> bool,
    ) -> Result<(), Error> {
        let uid = settings.identity.as_ref().map(|user| user.uid);
        for place in self.sockets.iter().map(Place::of) {
            let Place::Unix(UnixAddress::Path(path)) = &place else {
                continue;
            };
            let directory = path.parent().unwrap_or(path);
            if is_made_later(directory) {
                continue;
            }
            check_way(path, uid)
                .and_then(|()| Ok(fs::metadata(directory.join(".")).map(drop)?))
                .map_err(|refusal| refused(&place, refusal))?;
        }
        Ok(())
    }

    fn fds(&self) -> Range<RawFd> {
        self.first..index_to_fd(self.names.len() + self.sockets.len())
    }

    fn keep_files(&mut self) {
        for mut file in self.files.drain(..) {
            file.id.take();
        }
    }
}

impl ListenPlan {
    /// Another socket, of which one takes in the address of the other.
    fn other_part_of(&self, place: &Place) -> Option<Place> {
        let others = self.sockets.iter().map(Place::of);
        let mut others = others.filter(|other| other != place);
        others.find(|other| place.takes_in(other) || other.takes_in(place))
    }
}

fn overlap(one: &Place, other: &Place) -> Error {
    let (whole, part) = if one.takes_in(other) {
        (one, other)
    } else {
        (other, one)
    };
    let reason = format!("{whole} includes {part}; use one of them");
    let what = "cannot use the option `listen`";
    Error::new(ErrorKind::Configuration, what, reason)
}

/// The file of a Unix socket, which is removed if the start fails.
#[derive(Debug)]
struct BoundFile {
    path: PathBuf,
    id: Option<FileId>,
    /// As long as it is open no other file gets the same id, and no process takes the file for one that was
    /// left.
    #[expect(dead_code, reason = "it is closed after the file was removed")]
    socket: OwnedFd,
}

impl Drop for BoundFile {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            bound_socket::remove(&self.path, id).ok();
        }
    }
}

/// Looks after the sockets of a daemon that is supervised by this process. The launcher has just bound
/// them, and these are the names of all that were handed over.
pub(crate) fn watch(settings: &Settings, names: &[String]) -> Box<dyn RunSockets> {
    let watched = settings.listen.iter().filter_map(|socket| {
        let index = names.iter().position(|name| *name == socket.name)?;
        let fd = index_to_fd(index);
        let place = Place::of(socket);
        let file = match &place {
            // A socket with another address comes from a service manager.
            Place::Unix(UnixAddress::Path(path)) if is_bound_to(fd, path) => Some(WatchedFile {
                id: id_of(path),
                path: path.clone(),
            }),
            _ => None,
        };
        Some(Watched { fd, place, file })
    });
    Box::new(watched.collect::<Vec<_>>())
}

fn is_bound_to(fd: RawFd, path: &Path) -> bool {
    let socket = sys::descriptors::adopt(fd).map(UnixListener::from);
    let address = socket.and_then(|socket| socket.local_addr());
    address.is_ok_and(|address| address.as_pathname() == Some(path))
}

#[derive(Debug)]
struct Watched {
    /// The socket, in this process.
    fd: RawFd,
    place: Place,
    file: Option<WatchedFile>,
}

#[derive(Debug)]
struct WatchedFile {
    path: PathBuf,
    id: Option<FileId>,
}

impl RunSockets for Vec<Watched> {
    fn bind_lost(&mut self, settings: &Settings) -> Result<(), Error> {
        for watched in self {
            let mut is_shut_down = false;
            if let Ok(socket) = sys::descriptors::adopt(watched.fd) {
                // A run that takes its sockets in another way may have left them non-blocking.
                let _ = fcntl(&socket, FcntlArg::F_SETFL(OFlag::empty()));
                // A shutdown(2), by which a run ends its own wait for clients, outlasts the run. A TCP
                // socket keeps its address then.
                is_shut_down = sys::socket::is_shut_down(&socket);
                if is_shut_down && matches!(watched.place, Place::Tcp(_)) {
                    let _ = bound_socket::listen(&socket);
                }
            }
            let Some(file) = &mut watched.file else {
                continue;
            };
            if !is_shut_down && file.id.is_some() && file.id == id_of(&file.path) {
                continue;
            }
            let BoundUnix { socket, file: id } = bind(&watched.place, settings)?;
            let placed = sys::descriptors::place(socket.as_raw_fd(), watched.fd);
            placed.map_err(|errno| Error::step("place a descriptor", errno))?;
            file.id = id;
        }
        Ok(())
    }

    fn close(&mut self) {
        for watched in self.drain(..) {
            drop(sys::descriptors::take_over(watched.fd));
        }
    }
}

/// What the daemon does at its start: it learns which sockets the program is to take before it is ready.
/// `names` are those of all that were handed over.
pub(crate) fn expect(sockets: &[ListenSocket], names: &[String]) {
    let expected = sockets.iter().map(|socket| socket.name.clone());
    listener::expect(expected.collect(), names);
    running::before_ready(listener::say_what_is_left);
}

/// Binds one with the rights of this process, for the user that the daemon becomes.
fn bind(place: &Place, settings: &Settings) -> Result<BoundUnix, Error> {
    let bound = match place {
        Place::Tcp(address) => bind_tcp(*address)
            .map(|socket| BoundUnix { socket, file: None })
            .map_err(Refusal::System),
        Place::Unix(address) => {
            let owner = settings.identity.as_ref().map(|user| (user.uid, user.gid));
            let mode = settings.umask.map(|mask| 0o777 & !mask);
            bind_unix(address, SocketFile { owner, mode }, || match address {
                UnixAddress::Path(path) => check_way(path, owner.map(|(uid, _)| uid)),
                _ => Ok(()),
            })
        }
        // The builder has refused it.
        Place::Unknown(_) => Err(Refusal::System(Errno::EINVAL.into())),
    };
    bound.map_err(|refusal| refused(place, refusal))
}

fn check_way(path: &Path, daemon: Option<u32>) -> Result<(), Refusal> {
    trust::check_way(path, daemon).map_err(|untrusted| match untrusted.cause() {
        Some(cause) => Refusal::System(cause),
        None => Refusal::Way(untrusted.error("socket", path)),
    })
}

fn refused(place: &Place, refusal: Refusal) -> Error {
    match refusal {
        Refusal::System(cause) => not_bound(place, cause),
        Refusal::Way(error) => error,
    }
}

/// Why a socket is not bound.
enum Refusal {
    System(io::Error),
    /// Another user can change the way to its file.
    Way(Error),
}

impl From<io::Error> for Refusal {
    fn from(cause: io::Error) -> Self {
        Self::System(cause)
    }
}

fn not_bound(place: &Place, cause: io::Error) -> Error {
    let what = format!("cannot listen on {}", shown(place.to_string().as_ref()));
    match (place, cause.kind()) {
        (_, io::ErrorKind::AddrInUse) => Error::system(ErrorKind::AddressInUse, what, cause),
        (Place::Tcp(address), io::ErrorKind::PermissionDenied) if is_privileged(*address) => {
            let reason = "a port below 1024 is for root; use a higher one";
            Error::explained(ErrorKind::Permission, what, reason, cause)
        }
        (Place::Unix(UnixAddress::Path(path)), _) => match missing_directory(path, &cause) {
            Some(reason) => Error::new(ErrorKind::CannotCreate, what, reason),
            None => Error::system(ErrorKind::CannotCreate, what, cause),
        },
        _ => Error::system(ErrorKind::System, what, cause),
    }
}
