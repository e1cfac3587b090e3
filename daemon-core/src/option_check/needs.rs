//! Options that do nothing without another one: the same rules as the attribute's, with the same words.

use super::OptionCheck;

const LOG: &[&str] = &["log", "log_flag"];
const RESTART: &[&str] = &["restart"];

const NEEDS_LOG: &str = "needs a log file; add `log = \"...\"`";
const NEEDS_RESTART: &str = "needs `restart = \"on-failure\"`";

/// Each option, those of which it needs one, and the complaint. What the start or a verb complains
/// about is not among them, and `stop_timeout` also serves `stop_and_start`.
#[rustfmt::skip] // a table is read by its columns
const NEEDS: &[(&str, &[&str], &str)] = &[
    ("restart_delay", RESTART, NEEDS_RESTART),
    ("restart_limit", RESTART, NEEDS_RESTART),
    ("log_reopen", LOG, NEEDS_LOG),
    ("log_rotate", LOG, NEEDS_LOG),
    ("log_rotate", &["control_flag", "control_subcommands", "restart"],
        "has no effect without `restart` or `control_flag`"),
    ("log_keep", &["log_rotate"], "has no effect without `log_rotate`"),
    ("pid_mode", &["pid", "pid_flag"], "has no effect without `pid`"),
    ("log_mode", LOG, "has no effect without `log`"),
];

impl OptionCheck {
    /// Notes an option that lacks another one.
    pub(crate) fn note_needs(&mut self) {
        for (option, one_of, complaint) in NEEDS {
            let is_met = !self.is_set(option) || one_of.iter().any(|other| self.is_set(other));
            self.note_also(option, (!is_met).then(|| (*complaint).to_owned()));
        }
    }
}
