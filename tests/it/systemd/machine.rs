//! A system with systemd as process 1, over a throw-away overlay of this one.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::is_possible;
use crate::support::scratch::Scratch;
use crate::support::{program, requires};

const MANAGER: &str = "/lib/systemd/systemd";

/// Boots the system in a new control group, runs a script in it, and ends it.
const OUTER: &str = r#"
    mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>&- || test -e /sys/fs/cgroup/cgroup.procs || exit 77
    group=/sys/fs/cgroup/$TEST_MARK
    mkdir $group || exit 77
    (echo 0 > $group/cgroup.procs &&
        exec unshare -pfmiuCn --propagation private --kill-child sh -c "$BOOT" > boot.log 2>&1) &
    outer=$!
    tries=0
    until test -n "$init" && inside systemctl is-system-running --quiet; do
        tries=$((tries + 1))
        test $tries -lt 1200 && kill -0 $outer || exit 77
        sleep 0.05
        init=$(cat /proc/$outer/task/$outer/children)
        init=${init% }
    done 2>&-
    HERE=$PWD inside sh -c "$SCRIPT" sh "$@"
    status=$?
    kill -9 $outer
    until ! test -d $group; do
        find $group -depth -type d -exec rmdir {} + 2>&-
        sleep 0.02
    done
    exit $status
"#;

const INSIDE: &str = r#"
    inside() { nsenter -t $init -m -p -i -u -C -n -r -w "$@"; }
"#;

/// Executes the manager in the overlay. Nothing of the machine can be changed from there.
const BOOT: &str = r#"
    set -e
    mkdir root overlay
    mount -t tmpfs tmpfs overlay
    mkdir overlay/upper overlay/work
    mount -t overlay overlay -o lowerdir=/,upperdir=overlay/upper,workdir=overlay/work root
    mount -t proc proc root/proc
    mount --bind root/proc/sys root/proc/sys
    mount -o remount,ro,bind root/proc/sys
    mount -t sysfs -o ro sysfs root/sys
    mount -t cgroup2 cgroup2 root/sys/fs/cgroup
    mount -t tmpfs -o mode=755 tmpfs root/dev
    for device in null zero full random urandom tty; do
        touch root/dev/$device
        mount --bind /dev/$device root/dev/$device
    done
    mkdir root/dev/pts root/dev/shm
    mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts root/dev/pts
    ln -s pts/ptmx root/dev/ptmx
    ln -s /proc/self/fd root/dev/fd
    mount -t tmpfs -o mode=755 tmpfs root/run
    mount -t tmpfs -o mode=1777 tmpfs root/tmp
    for directory in "$PWD" "$PROGRAMS"; do
        mkdir -p "root$directory"
        mount --bind "$directory" "root$directory"
    done
    for unit in firstboot machine-id-commit modules-load networkd sysctl timesyncd udevd; do
        ln -sf /dev/null root/etc/systemd/system/systemd-$unit.service
    done
    tr -d - < /proc/sys/kernel/random/uuid > root/etc/machine-id
    cd root
    exec env -i container=unshare PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . $MANAGER \
        --log-target=journal --show-status=0 --unit=basic.target
"#;

/// What the scripts share.
const TOOLS: &str = r#"
    cd $HERE
    unit() { cat > /run/systemd/system/$1.service; systemctl daemon-reload; }
    show() { systemctl show --value --property=$2 $1; }
    soon() {
        tries=0
        until eval "$1"; do
            tries=$((tries + 1))
            test $tries -lt 300 || { echo "waited too long until $1"; exit; }
            sleep 0.1
        done
    }
    until_is() { soon "test \$(show $1 ActiveState) = $2"; }
    check() { test "$1" = "$2" || echo "$3: $1, not $2"; }
"#;

/// Runs a script in which `$1` is the program `report`. It says what is wrong.
pub(super) fn expect_right(script: &str) {
    expect_right_with(script, &[]);
}

/// The same with more words after the program.
pub(super) fn expect_right_with(script: &str, words: &[&[u8]]) {
    let needs = ["systemd-run", "unshare", "nsenter", "journalctl"];
    if !requires::root() || !needs.into_iter().all(requires::program) {
        return;
    }
    let scratch = Scratch::new();
    let report = program::path("report");
    let outcome = scratch
        .start_path(&requires::find("unshare").expect("unshare"))
        .env("PROGRAMS", report.parent().expect("a directory"))
        .env("BOOT", BOOT)
        .env("MANAGER", MANAGER)
        .env("SCRIPT", format!("{TOOLS}\n{script}"))
        .args(["-m", "--propagation", "private", "sh", "-c"])
        .arg(format!("{INSIDE}\n{OUTER}"))
        .arg("sh")
        .arg(&report)
        .args(words.iter().map(|word| OsStr::from_bytes(word)))
        .run();
    let boot_log = scratch.read("boot.log");
    if is_possible(&outcome, "systemd as process 1", &boot_log) {
        let said = (outcome.code(), outcome.out_text(), outcome.err_text());
        assert_eq!(said, (0, String::new(), String::new()), "{boot_log}");
    }
}
