//! The only place with `unsafe`: system calls that `nix` does not have, or has only as `unsafe`.
#![allow(
    unsafe_code,
    reason = "this module is where the unsafe code of the crate stands"
)]

pub(crate) mod child;
#[cfg(target_os = "linux")]
pub(crate) mod clone;
pub(crate) mod descriptors;
pub(crate) mod environment;
pub(crate) mod exit;
#[cfg(target_os = "linux")]
pub(crate) mod image;
pub(crate) mod local_time;
#[cfg(target_os = "linux")]
pub(crate) mod pidfd;
pub(crate) mod signals;
pub(crate) mod wait;
