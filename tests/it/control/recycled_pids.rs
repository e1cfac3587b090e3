//! PIDs that another process has by the time a verb uses them.

use std::time::Duration;

use crate::control::stage::OPTIONS as CONTROLLED;
use crate::support::scratch::Scratch;
use crate::support::{lock, requires};

#[test]
fn missing_pid_is_waited_for_briefly() {
    let scratch = Scratch::new();
    // The content between lock and exec of a start; an old pid follows.
    scratch.write("report.pid", format!("\n{}\n", scratch.canary()));
    let lock = lock::hold(&scratch.path("report.pid"));
    let stop = scratch.verb("stop").run();
    assert_eq!(stop.code(), 4, "{stop:?}");
    assert!(stop.elapsed >= Duration::from_millis(100), "{stop:?}");
    assert!(stop.elapsed < Duration::from_secs(9), "{stop:?}");
    drop(lock);
    scratch.expect_order();
}

#[test]
fn pid_recycled_during_stop_is_not_signalled() {
    requires!(linux("pidfds"), namespaces, strace);
    // It has taken hold of the daemon and is about to signal it when the daemon ends, and the next
    // process gets its pid. The moment is long, but not for every machine.
    let commands = r"
        $0 -d || exit 1
        read pid < report.pid
        strace -qq -o trace -e inject=pidfd_send_signal:delay_enter=3000000:when=1 \
            $0 -s stop >said &
        stop=$!
        until grep -q pidfd_send_signal trace 2>/dev/null; do sleep 0.01; done
        kill -9 $pid
        while kill -0 $pid 2>/dev/null; do sleep 0.01; done
        echo $((pid - 1)) > /proc/sys/kernel/ns_last_pid
        sleep 600 &
        test $! = $pid || exit 2
        grep -q 'pidfd_send_signal.* = ' trace && exit 4
        wait $stop || exit 3
        kill -0 $pid && echo alive
        kill $pid
    ";
    for _ in 0..5 {
        let scratch = Scratch::new();
        let start = scratch.in_pid_namespace(commands);
        let outcome = start.options(CONTROLLED).does("hang").run();
        if outcome.code() == 4 {
            continue;
        }
        let said = (outcome.code(), outcome.out_text());
        assert_eq!(said, (0, "alive\n".to_owned()), "{outcome:?}");
        assert!(scratch.read("trace").contains("ESRCH"), "to no process");
        assert!(scratch.read("said").contains("stopped"));
        scratch.expect_order();
        return;
    }
    panic!("the moment was missed five times");
}
