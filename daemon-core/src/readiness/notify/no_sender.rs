//! Where nobody can listen, nothing is said.

pub(crate) fn remember_address() {}

pub(crate) fn send(_assignments: &str) {}

pub(crate) fn send_if_there_is_room(_assignments: &str) {}
