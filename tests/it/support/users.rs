//! Users that the machine does not know, and a user database that knows them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::unistd::chown;

use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::start::Start;

/// A user that owns nothing.
pub(crate) const UNPRIVILEGED: u32 = 65534;

/// Runs the command that follows as that user.
pub(crate) const AS_UNPRIVILEGED: [&str; 4] = [
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
];

/// The user `hello`. Its first group is `hello`, and it is in the group `crew` too.
pub(crate) const HELLO: u32 = 4711;
pub(crate) const HELLO_GROUP: u32 = 4712;
pub(crate) const CREW: u32 = 4713;

impl Scratch {
    /// A start in a mount namespace where these users are known, below the command `before`,
    /// such as `setpriv` and its arguments.
    pub(crate) fn among_users(&self, program: &Path, before: &[&str]) -> Start {
        self.write(
            "passwd",
            format!(
                "root:x:0:0::/root:/bin/sh\n\
                 hello:x:{HELLO}:{HELLO_GROUP}::/home/hello:/bin/sh\n\
                 nobody:x:{UNPRIVILEGED}:{UNPRIVILEGED}::{}:/bin/sh\n",
                self.path("home").display()
            ),
        );
        self.write(
            "group",
            format!("root:x:0:\nhello:x:{HELLO_GROUP}:\ncrew:x:{CREW}:hello\nadm:x:4:root\n"),
        );
        let script = "mount --bind passwd /etc/passwd && mount --bind group /etc/group &&\n\
                      eval \"$PREPARE\" && exec \"$0\" \"$@\"\nexit 99";
        let unshare = requires::find("unshare").expect("unshare");
        let shell = ["-m", "--propagation", "private", "sh", "-c"];
        self.start_path(&unshare)
            .args(shell)
            .arg(script)
            .args(before)
            .arg(program)
            .env("PREPARE", ":")
            .env("TEST_REPORT", self.path("out/report.json"))
            .options("pid=report.pid\nlog=report.log")
            .does("report stay")
    }

    /// A directory with this mode under any umask.
    pub(crate) fn directory_with_mode(&self, mode: u32, name: &str) -> PathBuf {
        let directory = self.path(name);
        fs::create_dir(&directory).expect("mkdir");
        fs::set_permissions(&directory, Permissions::from_mode(mode)).expect("chmod");
        directory
    }

    /// A directory of this user.
    pub(crate) fn directory_of(&self, user: u32, name: &str) -> PathBuf {
        let directory = self.path(name);
        fs::create_dir(&directory).expect("mkdir");
        chown(&directory, Some(user.into()), Some(user.into())).expect("chown");
        directory
    }
}
