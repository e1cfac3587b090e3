//! The signal on which the log is reopened, beside what else is done with it.

use crate::support::requires;
use std::fs;
use std::path::PathBuf;

use nix::sys::signal::Signal;

use super::stage::OPTIONS;
use crate::support::constructor;
use crate::support::deadline::eventually;
use crate::support::scratch::Scratch;

/// A library whose constructor installs a handler for SIGHUP.
fn handler_before_main(scratch: &Scratch) -> PathBuf {
    let source = r#"
        #include <signal.h>
        #include <unistd.h>
        static void handle(int signal) { write(1, "earlier\n", 8); }
        __attribute__((constructor)) static void install(void) { signal(SIGHUP, handle); }
    "#;
    constructor::library(scratch, source)
}

#[test]
fn earlier_handler_is_called_too() {
    requires!(preload);
    let scratch = Scratch::new();
    let library = handler_before_main(&scratch);
    let start = scratch
        .background()
        .options(OPTIONS)
        .env("LD_PRELOAD", library);
    let daemon = scratch.up(start.does("report stay"));
    daemon.report();
    fs::rename(scratch.path("report.log"), scratch.path("report.log.1")).expect("rotate");
    daemon.process.signal(Signal::SIGHUP);
    // Written after the handler of the library has opened the new log.
    eventually("both are called", || {
        (scratch.read("report.log") == "earlier\n").then_some(())
    });
    assert!(daemon.process.is_alive());
}

#[test]
fn runtime_receives_the_same_signal() {
    let scratch = Scratch::new();
    let launch = scratch.start("tokio_signal").arg("-d").run();
    let daemon = scratch.daemon_of(launch, "tokio_signal.pid");
    let (log, old) = ("tokio_signal.log", "tokio_signal.log.1");
    eventually("its handler is installed", || {
        (scratch.read(log) == "up\n").then_some(())
    });
    fs::rename(scratch.path(log), scratch.path(old)).expect("rotate");
    daemon.process.signal(Signal::SIGHUP);
    eventually("it was handled", || {
        (scratch.read(log) == "handled\n").then_some(())
    });
    assert_eq!(scratch.read(old), "up\n");
}
