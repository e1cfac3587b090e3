//! `ready = "notify"`: the daemon reports readiness by the protocol of `sd_notify(3)`.

mod address;
mod death;
mod protocol;
mod ready;
mod service_manager;
mod stage;
mod timeout;
