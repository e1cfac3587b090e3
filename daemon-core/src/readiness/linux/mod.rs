//! What can be seen of a process in `/proc`, and who sent a message.

pub(crate) mod listening;
mod net_tables;
mod peer_socket;
mod process_tree;
pub(super) mod receiver;
pub(crate) mod settled;
mod thread_state;
