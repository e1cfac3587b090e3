//! What `/proc` shows of a process, and the sender of a message.

pub(crate) mod listening;
mod net_tables;
mod pace;
mod peer_socket;
mod process_tree;
pub(super) mod receiver;
mod server_sockets;
pub(crate) mod settled;
mod socket_file;
mod socket_state;
mod thread_state;
