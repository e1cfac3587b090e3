//! systemd as process 1, over a throw-away overlay of this system.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::IMPOSSIBLE;
use crate::log_recipes::recipe;
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
        test $tries -lt 500 && kill -0 $outer || exit 77
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
fn expect_right(script: &str) {
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
    let is_possible = outcome.code() != IMPOSSIBLE;
    if requires::machine(is_possible, "systemd as process 1") {
        let said = (outcome.code(), outcome.out_text(), outcome.err_text());
        assert_eq!(
            said,
            (0, String::new(), String::new()),
            "{}",
            scratch.read("boot.log")
        );
    }
}

/// A unit of `Type=forking`.
const FORKING: &str = r#"
    forking() {
        unit hello << END
[Unit]
StartLimitIntervalSec=0
[Service]
Type=forking
PIDFile=$PWD/report.pid
WorkingDirectory=$PWD
Environment="TEST_OPTIONS=pid=report.pid\ncontrol_flag=-s\nready=exec" TEST_DOES=hang
StandardError=append:$PWD/said
ExecStart=$report -d
$1
END
    }
    report=$1
    export TEST_OPTIONS="pid=report.pid
control_flag=-s"
"#;

fn expect_right_of_forking(script: &str) {
    expect_right(&format!("{FORKING}\n{script}"));
}

#[test]
fn pid_file_names_the_main_process_in_100_starts() {
    expect_right_of_forking(
        r#"
            forking
            # A busy machine has the time for fewer.
            end=$(($(date +%s) + 30))
            for round in $(seq 100); do
                test $(date +%s) -lt $end || break
                systemctl start hello
                check "$(show hello ActiveState)" active state
                check "$(show hello MainPID)" "$(cat report.pid)" "main process"
                systemctl stop hello
                check "$(show hello Result)" success result
                test ! -e report.pid || echo a PID file is left
            done
            journalctl --quiet --output=cat --unit=hello | grep -i "PID file"
            cat said
        "#,
    );
}

#[test]
fn wrong_pid_file_of_a_unit_leaves_no_process() {
    expect_right_of_forking(
        r#"
            forking "PIDFile=$PWD/other.pid
                TimeoutStartSec=2"
            ! systemctl start hello 2>&- || echo it started
            check "$(show hello Result)" timeout result
            group=/sys/fs/cgroup/system.slice/hello.service
            test ! -e $group || cat $group/cgroup.procs
            $report -s status > answer
            check $? 1 status
        "#,
    );
}

#[test]
fn verbs_work_beside_systemd() {
    expect_right_of_forking(
        r#"
            forking
            systemctl start hello
            $report -s status | grep -q "pid $(cat report.pid)" || echo another status
            $report -s stop > answer
            check $? 0 stop
            until_is hello inactive
            check "$(show hello Result)" success result
        "#,
    );
}

#[test]
fn restart_of_a_unit_is_left_to_systemd() {
    expect_right_of_forking(
        r#"
            forking
            systemctl start hello
            pid=$(cat report.pid)
            $report -s restart 2> answer
            check $? 64 status
            grep -q "(hello.service); use systemctl restart hello.service$" answer || cat answer
            check "$(show hello MainPID)" $pid "main process"
            check "$(cat report.pid)" $pid "PID file"
            systemctl restart hello
            check "$(show hello MainPID)" "$(cat report.pid)" "main process"
            systemctl stop hello
            # Started by hand, it is no unit.
            TEST_DOES=hang $report -d
            TEST_DOES=hang $report -s restart > answer || echo $?
            $report -s stop > answer
        "#,
    );
}

#[test]
fn forking_unit_may_have_a_watchdog_and_a_socket() {
    expect_right_of_forking(
        r#"
            for option in WatchdogSec=60 NotifyAccess=all FileDescriptorStoreMax=1; do
                forking $option
                systemctl start hello || cat said
                pid=$(cat report.pid)
                check "$(show hello MainPID)" $pid "main process"
                tr '\0' '\n' < /proc/$pid/environ > environment
                grep -q ^NOTIFY_SOCKET= environment || echo no socket with $option
                test $option != WatchdogSec=60 || grep -qx WATCHDOG_PID=$pid environment ||
                    echo another watchdog
                systemctl stop hello
            done
        "#,
    );
}

#[test]
fn notify_unit_with_the_switch_is_refused() {
    // systemd before version 248 does not name the process that it starts.
    for before in ["", "/usr/bin/env -u SYSTEMD_EXEC_PID "] {
        let script = r#"
            forking "Type=notify
                ExecStart=
                ExecStart=BEFORE$report -d"
            ! systemctl start hello 2>&- || echo it started
            check "$(show hello ExecMainStatus)" 64 status
            grep -q "Type=notify.*run in the foreground" said || cat said
            test ! -e report.pid || echo a PID file is left
        "#;
        expect_right_of_forking(&script.replace("BEFORE", before));
    }
}

#[test]
fn simple_unit_with_the_switch_is_warned() {
    expect_right_of_forking(
        r#"
            for type in simple exec oneshot; do
                forking "Type=$type
                    PIDFile="
                systemctl start hello
                until_is hello inactive
                grep -q "kills the daemon .*(Type=$type); run in the foreground" said || cat said
                rm said
            done
            # Such a unit goes on when the launcher has exited, and so does the daemon.
            forking "Type=oneshot
                RemainAfterExit=yes
                PIDFile="
            systemctl start hello
            cat said
            systemctl stop hello
        "#,
    );
}

/// A user with a shell in a new session.
const USER: &str = r#"
    cp $1 /usr/local/bin/report
    useradd --create-home tester
    export TEST_DOES=hang
    session() { runuser -l tester -w TEST_DOES,TEST_OPTIONS -c "$1"; }
    logind() {
        mkdir -p /etc/systemd/logind.conf.d
        printf '[Login]\nKillUserProcesses=%s\n' $1 > /etc/systemd/logind.conf.d/test.conf
        systemctl restart dbus systemd-logind
    }
"#;

#[test]
fn logind_decides_if_a_daemon_outlives_its_session() {
    if !requires::program("runuser") || !requires::program("useradd") {
        return;
    }
    let script = r#"
        export TEST_OPTIONS=pid=it.pid
        logind no
        session "report -d" || echo $?
        # It is there as long as a process of it is.
        id=$(loginctl list-sessions --no-legend | (read id rest; echo $id))
        soon 'test "$(loginctl show-session $id --value --property=State)" = closing'
        pid=$(cat /home/tester/it.pid)
        grep -q report /proc/$pid/cmdline || echo it ended
        kill -9 $pid
        logind yes
        session "report -d" || echo $?
        pid=$(cat /home/tester/it.pid)
        soon "! test -e /proc/$pid"
    "#;
    expect_right(&format!("{USER}\n{script}"));
}

#[test]
fn unit_of_a_lingering_user_outlives_the_session() {
    if !requires::program("runuser") || !requires::program("useradd") {
        return;
    }
    let script = r#"
        logind yes
        loginctl enable-linger tester
        run="systemd-run --user --quiet --setenv=TEST_DOES=hang"
        export TEST_OPTIONS="pid=/home/tester/it.pid
control_flag=-s"
        session "export XDG_RUNTIME_DIR=/run/user/$(id -u tester)
            $run --setenv=TEST_OPTIONS --unit=it -p Type=forking -p PIDFile=/home/tester/it.pid \
                /usr/local/bin/report -d
            $run --unit=simple -p StandardError=file:/home/tester/said /usr/local/bin/report -d"
        soon 'test "$(loginctl list-sessions --no-legend)" = ""'
        pid=$(cat /home/tester/it.pid)
        grep -q report /proc/$pid/cmdline || echo it ended
        grep -q "/user@.*/it.service$" /proc/$pid/cgroup || cat /proc/$pid/cgroup
        # The manager of the user tells the type of a unit.
        soon "grep -q '(Type=simple); run in the foreground' /home/tester/said"
        report -s restart 2> answer
        check $? 64 status
        grep -q "use systemctl --user restart it.service$" answer || cat answer
    "#;
    expect_right(&format!("{USER}\n{script}"));
}

#[test]
fn system_log_is_told_what_happens_to_the_daemon() {
    if !requires::program("logger") {
        return;
    }
    let script = r#"
        export TEST_OPTIONS="pid=report.pid
ready=exec
control_flag=-s
syslog=daemon" TEST_DOES=hang
        told() {
            journalctl --sync
            journalctl --quiet --output=cat SYSLOG_FACILITY=3 SYSLOG_IDENTIFIER=report "$@"
        }
        $1 -d || echo $?
        first=$(cat report.pid)
        $1 -s restart > answer || echo $?
        second=$(cat report.pid)
        $1 -s stop > answer || echo $?
        printf "%s\n" "started, pid $first" "ready, pid $first" "stopped, pid $first" \
            "started, pid $second" "ready, pid $second" "stopped, pid $second" > expected
        told PRIORITY=5 | diff - expected
        told PRIORITY=3
        export TEST_OPTIONS="pid=report.pid
ready=notify
control_flag=-s
syslog=daemon"
        TEST_DOES=return:3 $1 -d 2> answer
        check $? 3 status
        told PRIORITY=3 | grep -q "ended with status 3" || told
        # What does not read is not waited for, and nothing fails because of it.
        journal=$(show systemd-journald MainPID)
        kill -STOP $journal
        # More than its queue holds.
        seq 5000 | timeout 1 logger
        export TEST_OPTIONS="pid=report.pid
ready=exec
control_flag=-s
syslog=daemon"
        $1 -d || echo $?
        $1 -s stop > answer || echo $?
        kill -CONT $journal
        systemctl restart systemd-journald
        TEST_OPTIONS="$TEST_OPTIONS
pid=later.pid" $1 -d || echo $?
        told | grep -qx "ready, pid $(cat later.pid)" || told
        # The recipe of the documentation.
        report=$1
        hello() {
            TEST_OPTIONS="pid=fifo.pid
ready=exec
log_flag=--log-file" TEST_DOES="say:over-the-fifo hang" $report "$@"
        }
RECIPE
        soon 'journalctl --quiet --output=cat SYSLOG_IDENTIFIER=hello | grep -qx over-the-fifo'
    "#;
    expect_right(&script.replace("RECIPE", &recipe("mkfifo")));
}
