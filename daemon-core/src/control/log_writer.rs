//! The daemon as what writes to the log, for a rotation.

use nix::errno::Errno;

use super::Control;
use super::holder::Holder;
use super::pid_file_state::Found;
use crate::error::Error;
use crate::files::FileId;
use crate::log_rotation::{LogWriter, WriterState};
use crate::signal::Signal;
use crate::sys;

/// The daemon with a PID file, looked at when it is asked for.
#[derive(Debug)]
pub(crate) struct DaemonAsWriter<'a> {
    control: &'a Control,
    holder: Option<Holder>,
}

impl<'a> DaemonAsWriter<'a> {
    pub(crate) fn new(control: &'a Control) -> Self {
        Self {
            control,
            holder: None,
        }
    }
}

impl LogWriter for DaemonAsWriter<'_> {
    fn find(&mut self) -> Result<WriterState, Error> {
        let holder = match self.control.find()? {
            Found::NoFile | Found::Unlocked(_) => return Ok(WriterState::NotRunning),
            Found::Starting(_) | Found::Restarting(..) => return Ok(WriterState::Starting),
            Found::Running(holder) => holder,
        };
        self.control.refuse_unless_certain(&holder)?;
        let pid = holder.pid();
        self.holder = Some(holder);
        Ok(WriterState::Up(pid))
    }

    fn catches(&self, signal: Signal) -> bool {
        let holder = self.holder.as_ref();
        holder.is_some_and(|holder| holder.catches(signal) == Some(true))
    }

    fn writes_to(&self, file: FileId) -> Option<bool> {
        sys::process::writes_to(self.holder.as_ref()?.pid(), file)
    }

    fn send(&self, signal: Signal) -> Result<(), Errno> {
        let holder = self.holder.as_ref().ok_or(Errno::ESRCH)?;
        holder.send(signal)
    }

    fn has_ended(&self) -> bool {
        self.holder.as_ref().is_none_or(Holder::has_ended)
    }
}
