//! The installer with a `systemctl` that notes its words, and the unit as systemd reads it.

#![cfg(target_os = "linux")]

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        let home = env::temp_dir().join(format!("installer-{}", std::process::id()));
        fs::create_dir_all(home.join("bin")).expect("mkdir");
        let systemctl = home.join("bin/systemctl");
        let script = format!("#!/bin/sh\necho \"$@\" >> {}/calls\n", home.display());
        fs::write(&systemctl, script).expect("write");
        fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).expect("chmod");
        Self(home)
    }

    fn run(&self, word: &str) -> Output {
        let path = env::var("PATH").expect("PATH");
        let mut program = Command::new(env!("CARGO_BIN_EXE_installer"));
        program
            .arg(word)
            .env("HOME", &self.0)
            .env("PATH", format!("{}/bin:{path}", self.0.display()))
            .env_remove("XDG_CONFIG_HOME");
        program.output().expect("run the program")
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.0.join(name)).ok()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

#[test]
fn unit_is_installed_for_the_user() {
    const UNIT: &str = ".config/systemd/user/installer.service";
    let home = Home::new();
    let output = home.run("install");
    assert!(output.status.success(), "{output:?}");
    let unit = home.read(UNIT).expect("the unit");
    let program = env!("CARGO_BIN_EXE_installer");
    for line in [
        format!("ExecStart=:\"{program}\" \"serve\""),
        "Restart=on-failure".to_owned(),
        "WantedBy=default.target".to_owned(),
    ] {
        assert!(unit.lines().any(|it| it == line), "{line} in {unit}");
    }
    let path = home.0.join(UNIT);
    // Where systemd is installed.
    if let Ok(verified) = Command::new("systemd-analyze")
        .args(["verify", "--user", "--man=no"])
        .arg(&path)
        .env("XDG_RUNTIME_DIR", &home.0)
        .output()
    {
        assert!(verified.status.success(), "{verified:?}");
    }
    let output = home.run("uninstall");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(home.read(UNIT), None);
    let calls = home.read("calls").expect("the calls");
    let path = path.display();
    let expected = format!(
        "--user enable {path}\n--user start installer\n--user stop installer\n\
         --user disable {path}\n"
    );
    assert_eq!(calls, expected);
}
