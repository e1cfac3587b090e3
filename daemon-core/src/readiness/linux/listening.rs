//! `ready = "listening"` and the addresses: the daemon has a socket that serves.

use std::ops::RangeInclusive;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::pace::Pace;
use super::process_tree::ProcessTree;
use super::server_sockets::{Denied, Server, ServerSockets, is_one_server};
use super::settled::Settled;
use crate::number;
use crate::readiness::Address;
use crate::sys::{process, read};

/// The pace of a daemon that is up after a few milliseconds.
const STEP_MIN: Duration = Duration::from_millis(1);

/// The launcher may not look at the sockets of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// Watches a process for the moment in which it serves.
#[derive(Debug)]
pub(crate) struct Listening {
    daemon: Pid,
    /// `None` where `/proc` does not show this PID namespace.
    directory: Option<PathBuf>,
    /// All of these; if there are none, any socket that listens.
    wanted: Vec<Address>,
    sockets: ServerSockets,
    servers: Vec<Server>,
    /// With a server that the launcher handed over, the daemon may need no other.
    settled: Option<Settled>,
    pace: Pace,
    tree: ProcessTree,
}

impl Listening {
    /// The process must be a child of this one, so that its pid stays its own. It was given these
    /// descriptors.
    pub(crate) fn watch(daemon: Pid, inherited: &[RawFd], wanted: Vec<Address>) -> Self {
        let may_need_no_socket = wanted.is_empty() && is_one_server(inherited);
        Self {
            daemon,
            directory: process::directory(daemon).ok(),
            wanted,
            sockets: ServerSockets::new(inherited),
            servers: Vec::new(),
            settled: may_need_no_socket.then(|| Settled::watch(daemon)),
            pace: Pace::new(STEP_MIN),
            tree: ProcessTree::default(),
        }
    }

    /// Whether the daemon serves; the caller asks at [`next_look`](Self::next_look). A daemon that
    /// ended does not.
    pub(crate) fn is_ready(&mut self, now: Instant, deadline: Instant) -> Result<bool, Unreadable> {
        // As long as nothing has run, no socket has begun to listen.
        if self.pace.is_due(now) && self.tree.has_run() {
            self.look(now)?;
            if self.has_all() {
                return Ok(true);
            }
        }
        let settled = self.settled.as_mut();
        Ok(settled.is_some_and(|settled| settled.has_settled(now, deadline)))
    }

    pub(crate) fn next_look(&self, now: Instant) -> Instant {
        self.pace.next_step(now, None)
    }

    /// Where the daemon serves, as far as the option names it.
    pub(crate) fn addresses(&self) -> Option<String> {
        let mut addresses = Vec::new();
        for server in &self.servers {
            let counts = match server {
                Server::Listener(_) if self.wanted.is_empty() => true,
                server => self.wanted.iter().any(|wanted| server.is_at(wanted)),
            };
            let address = server.to_string();
            if counts && !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        (!addresses.is_empty()).then(|| addresses.join(", "))
    }

    /// Whether a daemon that is alive when the time is up counts as ready.
    ///
    /// # Errors
    ///
    /// What the launcher has waited for.
    pub(crate) fn check_at_timeout(&mut self, now: Instant) -> Result<(), String> {
        if let Some(settled) = &mut self.settled {
            return settled.check_alive(now).map_err(str::to_owned);
        }
        let missing = self.wanted.iter().filter(|wanted| !self.has(wanted));
        let missing: Vec<String> = missing.map(Address::to_string).collect();
        Err(if missing.is_empty() {
            format!("no socket of it listens{}", self.advice_on_udp())
        } else {
            format!("no socket of it is at {}", missing.join(", "))
        })
    }

    fn advice_on_udp(&self) -> String {
        let ephemeral = ephemeral_ports();
        let port = self.servers.iter().find_map(|server| match server {
            Server::Udp(address) if !ephemeral.contains(&address.port()) => Some(address.port()),
            _ => None,
        });
        port.map_or_else(String::new, |port| {
            format!(", but UDP port {port} is bound; use ready = \"udp:{port}\"")
        })
    }

    fn has_all(&self) -> bool {
        let listens = |server: &Server| matches!(server, Server::Listener(_));
        if self.wanted.is_empty() {
            self.servers.iter().any(listens)
        } else {
            self.wanted.iter().all(|wanted| self.has(wanted))
        }
    }

    fn has(&self, wanted: &Address) -> bool {
        self.servers.iter().any(|server| server.is_at(wanted))
    }

    fn look(&mut self, now: Instant) -> Result<(), Unreadable> {
        let directory = self.directory.as_ref().ok_or(Unreadable)?;
        self.tree = ProcessTree::read(self.daemon, directory);
        if self.tree.hides_root {
            return Err(Unreadable);
        }
        self.servers = self.sockets.find(&self.tree).map_err(|Denied| Unreadable)?;
        self.pace.rest_after_look(now);
        Ok(())
    }
}

/// The ports that the kernel gives to sockets that ask for none, see `ip(7)`.
fn ephemeral_ports() -> RangeInclusive<u16> {
    let read = || {
        let text = read::text("/proc/sys/net/ipv4/ip_local_port_range".as_ref()).ok()?;
        let (first, last) = text.trim_ascii().split_once(['\t', ' '])?;
        Some(number::parse(first, 10)?..=number::parse(last.trim_ascii(), 10)?)
    };
    read().unwrap_or(32768..=60999)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests;
