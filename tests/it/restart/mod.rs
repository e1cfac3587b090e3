//! `restart`: a daemon that is started again, and the process that does it.

mod ends;
mod kills;
mod runs;
mod stage;
mod start;
mod verbs;
