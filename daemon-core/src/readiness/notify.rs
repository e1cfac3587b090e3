//! `ready = "notify"`: the launcher receives what the daemon's `ready()` and its companions send.
//!
//! In the foreground the same sender talks to systemd or to any other supervisor.

mod probe;
pub(super) mod protocol;
mod sender;

pub(super) use probe::bind;
pub(crate) use protocol::{
    NOTIFY_SOCKET, Notification, READY, extend_timeout_assignment, parse, status_assignment,
};
pub(crate) use sender::{
    announce, launcher_descriptor, remember_launcher, send, send_if_there_is_room, store,
};
