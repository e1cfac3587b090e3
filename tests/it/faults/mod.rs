//! The faults that a start, a daemon and the control verbs survive, each with its number.
//!
//! `README.md` beside this file lists them all, with the tests that make each one happen. Most stand
//! in the files of their concern; those that need more of a stage than a concern stand here.

mod control;
mod crash_points;
mod descriptors;
mod environment;
mod files;
mod image;
mod launch_races;
mod limits;
mod managers;
mod privileges;
mod readiness;
mod stage;
mod terminal;
