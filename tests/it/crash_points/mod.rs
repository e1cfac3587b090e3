//! Processes of a launch that are killed at any moment.

mod groups;
mod launch;
mod verbs;
