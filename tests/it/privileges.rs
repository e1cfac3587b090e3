//! Another user, another group, another root directory: wholly or not at all.

mod drop_privileges;
mod files;
mod identity;
mod no_signals;
mod program_file;
mod refusals;
mod root_directory;
pub(crate) mod stage;
