//! Where nothing can be seen of another process, time must tell.

pub(crate) mod listening;
pub(super) mod receiver;
pub(crate) mod settled;
