//! Libraries that run code before `main` or replace a call.

use std::path::PathBuf;
use std::process::Command;

use crate::support::scratch::Scratch;

/// Four threads that allocate in a loop: at any moment one of them holds the allocator's lock.
const SOURCE: &str = r"
#include <pthread.h>
#include <stdlib.h>

static void *allocate(void *unused) {
    for (unsigned size = 1;; size = size % 8191 + 1) {
        void *volatile block = malloc(size);
        free(block);
    }
    return unused;
}

__attribute__((constructor)) static void start(void) {
    for (int i = 0; i < 4; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, allocate, NULL);
    }
}
";

/// The process that notes its pid in `reported` does not end before there is a file `go`. The
/// library registers its handler before the program does, so that it runs after the program's.
pub(crate) const SLOW_END: &str = r#"
#include <stdio.h>
#include <unistd.h>

__attribute__((destructor)) static void end(void) {
    int daemon = 0;
    FILE *reported = fopen("reported", "r");
    if (!reported || fscanf(reported, "%d", &daemon) != 1 || daemon != getpid()) return;
    fclose(fopen("ending", "w"));
    while (access("go", F_OK)) usleep(1000);
}
"#;

/// A library whose constructor starts threads.
pub(crate) fn with_threads(scratch: &Scratch) -> PathBuf {
    library(scratch, SOURCE)
}

/// The monotonic clock of the program goes on at another speed from its start: `* 20` or `/ 20`.
pub(crate) fn with_clock(scratch: &Scratch, speed: &str) -> PathBuf {
    library(scratch, &clock(speed))
}

fn clock(speed: &str) -> String {
    let source = r"
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const long second = 1000000000;

static long now(void) {
    struct timespec time;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &time);
    return time.tv_sec * second + time.tv_nsec;
}

static long start;

__attribute__((constructor)) static void begin(void) { start = now(); }

int clock_gettime(clockid_t clock, struct timespec *time) {
    if (clock != CLOCK_MONOTONIC) return syscall(SYS_clock_gettime, clock, time);
    long then = start + (now() - start) SPEED;
    time->tv_sec = then / second;
    time->tv_nsec = then % second;
    return 0;
}
";
    source.replace("SPEED", speed)
}

/// The time of the program, and of what it starts, is 500 times as fast: a minute takes 120 ms.
pub(crate) fn with_fast_time(scratch: &Scratch) -> PathBuf {
    let source = r"
#include <poll.h>
"
    .to_owned()
        + &clock("* 500")
        + r"
int poll(struct pollfd *fds, nfds_t count, int timeout) {
    long time = timeout * 2000L;
    struct timespec then = {time / second, time % second};
    return syscall(SYS_ppoll, fds, count, timeout < 0 ? 0 : &then, 0, 0);
}
";
    library(scratch, &source)
}

/// Compiles a library; its path is for `LD_PRELOAD`.
pub(crate) fn library(scratch: &Scratch, source: &str) -> PathBuf {
    compile(scratch, "library.so", source, &["-shared", "-fPIC"])
}

/// Compiles a program that replaces itself by the program in its second argument.
pub(crate) fn wrapper(scratch: &Scratch, source: &str) -> PathBuf {
    compile(scratch, "wrapper", source, &[])
}

fn compile(scratch: &Scratch, name: &str, source: &str, flags: &[&str]) -> PathBuf {
    let source = scratch.write(&format!("{name}.c"), source);
    let compiled = scratch.path(name);
    let status = Command::new("cc")
        .args(flags)
        .args(["-pthread", "-w", "-o"])
        .args([&compiled, &source])
        .status()
        .expect("run cc");
    assert!(status.success(), "compile {}", source.display());
    compiled
}
