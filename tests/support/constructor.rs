//! Libraries that do something in a program before its `main`, or in the place of a call.

use std::path::PathBuf;
use std::process::Command;

use crate::support::scratch::Scratch;

/// Four threads that allocate for ever: at any moment one of them holds the allocator's lock.
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

/// A library whose constructor starts threads.
pub(crate) fn with_threads(scratch: &Scratch) -> PathBuf {
    library(scratch, SOURCE)
}

/// Compiles a library; its path is for `LD_PRELOAD`.
pub(crate) fn library(scratch: &Scratch, source: &str) -> PathBuf {
    let source = scratch.write("library.c", source);
    let library = scratch.path("library.so");
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-pthread", "-w", "-o"])
        .args([&library, &source])
        .status()
        .expect("run cc");
    assert!(status.success(), "compile {}", source.display());
    library
}
