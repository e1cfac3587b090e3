//! The option `syslog`, with the journal as the system log.

use super::machine::expect_right;
use crate::log_recipes::recipe;
use crate::support::requires;

#[test]
fn system_log_is_told_what_happens_to_the_daemon() {
    requires!(linux("the arguments of a process"));
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
        # The supervisor tells what it does, and that it is stopped: by a signal, or by the verb.
        report=$1
        told_local3() {
            journalctl --sync
            journalctl --quiet --output=cat SYSLOG_FACILITY=19 SYSLOG_IDENTIFIER=report "$@" |
                sed 's/ after .*;/;/'
        }
        export TEST_OPTIONS="pid=report.pid
ready=exec
control_flag=-s
syslog=local3
restart=on-failure
restart_delay=1..1
restart_limit=1" TEST_DOES=hang
        $1 -d || echo $?
        first=$(cat report.pid)
        kill -KILL $first
        soon '$report -s status | grep "running, pid" | grep -qv "pid $first"'
        second=$(cat report.pid)
        kill -KILL $second
        soon '! $report -s status > answer'
        $1 -d || echo $?
        third=$(cat report.pid)
        kill $(cut -d " " -f 4 /proc/$third/stat)
        soon '! $report -s status > answer'
        $1 -d || echo $?
        fourth=$(cat report.pid)
        $1 -s stop > answer || echo $?
        for pid in $first $second $third $fourth; do
            printf "%s\n" "started, pid $pid" "ready, pid $pid"
            test $pid = $first || test $pid = $second || echo "stopped, pid $pid"
        done > expected
        told_local3 PRIORITY=5 | diff - expected
        printf "%s\n" "killed by SIGKILL; restart in 1 ms" \
            "killed by SIGKILL; not restarted: the limit of restarts is reached" > expected
        told_local3 PRIORITY=3 | diff - expected
        # What does not read is not waited for, and nothing fails because of it.
        journal=$(show systemd-journald MainPID)
        test $journal != 0 || exit 1
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
