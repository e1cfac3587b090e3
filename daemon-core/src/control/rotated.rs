//! The daemon as what writes to the log, for a rotation.

use nix::errno::Errno;

use super::Control;
use super::holder::Holder;
use super::pid_file_state::PidFileState;
use crate::error::Error;
use crate::files::FileId;
use crate::log_rotation::{ProcessState, RotatedProcess};
use crate::signal::Signal;
use crate::sys;

/// The daemon with a PID file, looked at when it is asked for.
#[derive(Debug)]
pub(crate) struct ControlledDaemon<'a> {
    control: &'a Control,
    holder: Option<Holder>,
}

impl<'a> ControlledDaemon<'a> {
    pub(crate) fn new(control: &'a Control) -> Self {
        Self {
            control,
            holder: None,
        }
    }
}

impl RotatedProcess for ControlledDaemon<'_> {
    fn find(&mut self) -> Result<ProcessState, Error> {
        let holder = match self.control.find()? {
            PidFileState::NoFile | PidFileState::Unlocked(_) | PidFileState::Ending(_) => {
                return Ok(ProcessState::NotRunning);
            }
            PidFileState::Starting(_) => return Ok(ProcessState::Starting),
            PidFileState::Restarting(..) => return Ok(ProcessState::Restarting),
            PidFileState::Running(holder) => holder,
        };
        self.control.refuse_unless_certain(&holder)?;
        let pid = holder.pid();
        self.holder = Some(holder);
        Ok(ProcessState::Up(pid))
    }

    fn catches(&self, signal: Signal) -> bool {
        let holder = self.holder.as_ref();
        holder.is_some_and(|holder| holder.catches(signal) == Some(true))
    }

    fn writes_to(&self, file: FileId) -> Option<bool> {
        sys::process::writes_to(self.holder.as_ref()?.pid(), file)
    }

    fn writes_to_any_file(&self) -> Option<bool> {
        sys::process::writes_to_any_file(self.holder.as_ref()?.pid())
    }

    fn send(&self, signal: Signal) -> Result<(), Errno> {
        let holder = self.holder.as_ref().ok_or(Errno::ESRCH)?;
        holder.send(signal)
    }

    fn has_ended(&self) -> bool {
        self.holder.as_ref().is_none_or(Holder::has_ended)
    }
}
