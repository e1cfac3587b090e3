//! The control verbs, on daemons of every kind of temper and on PID files of every kind of content.

mod canary;
mod holder;
mod namespaces;
mod pid_file;
mod races;
mod recycled_pids;
mod reload;
mod restart;
pub(crate) mod stage;
mod start;
mod status;
mod stop;
mod users;
mod verbs;
