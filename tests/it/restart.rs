//! `restart`: a daemon that is started again, and the process that does it.

#[cfg(not(daemon_fork))]
mod columns;
mod ends;
mod fifo;
mod kills;
#[cfg(not(daemon_fork))]
mod later_runs;
mod runs;
// With the clones, and states that are known.
#[cfg(not(daemon_fork))]
mod soak;
mod sockets;
mod stage;
mod start;
#[cfg(not(daemon_fork))]
mod surroundings;
// The states between two runs are not known there.
#[cfg(not(daemon_fork))]
mod verbs;
