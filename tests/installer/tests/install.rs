//! The installer with a `systemctl` that notes its words, and with the manager of a user.

#![cfg(target_os = "linux")]

use std::env;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let home = format!("installer-{}-{number}", std::process::id());
        let home = env::temp_dir().join(home);
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

/// Runs `$INNER` in new namespaces and in a control group of its own. 77: that is not possible here.
const OUTER: &str = r#"
    mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>&- || test -e /sys/fs/cgroup/cgroup.procs || exit 77
    group=/sys/fs/cgroup/installer-$$
    mkdir $group || exit 77
    (echo 0 > $group/cgroup.procs &&
        exec unshare -pfm --mount-proc --kill-child sh -c "$INNER" sh "$@")
    status=$?
    find $group -depth -type d -exec rmdir {} +
    exit $status
"#;

/// The manager of a user. `$1` is the program; everything that is wrong is printed.
const INNER: &str = r#"
    mount -t tmpfs tmpfs /run || exit 77
    mkdir -p /run/systemd/system run
    export XDG_RUNTIME_DIR=$PWD/run
    /usr/lib/systemd/systemd --user --unit=basic.target > manager.log 2>&1 < /dev/null &
    manager=$!
    soon() {
        tries=0
        until eval "$1"; do
            tries=$((tries + 1))
            test $tries -lt 1200 && kill -0 $manager || { echo "waited too long until $1"; exit 1; }
            sleep 0.05
        done
    }
    show() { systemctl --user show installer --property=$1 --value; }
    check() { test "$1" = "$2" || echo "$3: $1, not $2"; }
    soon "test -S run/systemd/private"
    "$1" install 2>&1 | grep -v "^Created symlink"
    check "$(show ActiveState) $(show UnitFileState)" "active enabled" installed
    main=$(show MainPID)
    check "$(tr '\0' ' ' < /proc/$main/cmdline)" "$1 serve " words
    # `kill` would take 0 for the process group of the test.
    test $main != 0 || exit 1
    kill -KILL $main
    soon 'test "$(show NRestarts) $(show ActiveState)" = "1 active"'
    "$1" uninstall 2>&1 | grep -v '^Removed "'
    check "$(show ActiveState)" inactive uninstalled
    test ! -e .config/systemd/user/installer.service || echo its file is left
"#;

#[test]
fn installed_unit_runs_under_the_manager_of_a_user() {
    let home = Home::new();
    let outcome = Command::new("unshare")
        .args(["-m", "sh", "-c", OUTER, "sh"])
        .arg(env!("CARGO_BIN_EXE_installer"))
        .env("INNER", INNER)
        .env("HOME", &home.0)
        .env_remove("XDG_CONFIG_HOME")
        .current_dir(&home.0)
        .output();
    let is_root = fs::metadata("/proc/self").is_ok_and(|it| it.uid() == 0);
    let is_strict = is_root && env::var("CI").is_ok_and(|ci| ci == "1" || ci == "true");
    match outcome {
        Ok(outcome) if outcome.status.success() => {
            assert!(outcome.stdout.is_empty(), "{outcome:?}");
        }
        // Without root, or where nothing may be mounted.
        other => assert!(!is_strict, "{other:?}\n{:?}", home.read("manager.log")),
    }
}
