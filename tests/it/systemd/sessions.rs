//! The end of a login session, with logind and with a lingering user.

use super::machine::expect_right;
use crate::support::requires;

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
    requires!(linux("the name of another process"));
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
        soon 'test "$(loginctl list-sessions --no-legend 2>&1)" = ""'
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
