//! Capabilities where there are no daemons: none has any code.

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Capabilities(());

#[expect(clippy::unused_self, reason = "elsewhere they point to code")]
impl Capabilities {
    pub(crate) fn add_path(&mut self) {}

    pub(crate) fn add_pid_file(&mut self) {}

    pub(crate) fn add_log(&mut self) {}

    pub(crate) fn add_privileges(&mut self) {}

    pub(crate) fn add_chroot(&mut self) {}

    pub(crate) fn add_log_reopen(&mut self) {}

    pub(crate) fn add_passed_fds(&mut self) {}

    pub(crate) fn add_log_rotation(&mut self) {}

    pub(crate) fn add_syslog(&mut self) {}

    pub(crate) fn add_listen(&mut self) {}
}
