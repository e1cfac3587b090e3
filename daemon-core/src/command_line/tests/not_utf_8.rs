//! Words that are not UTF-8, byte for byte.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::{ask, full, words};
use crate::command_line::{Chosen, Invocation};

fn odd(bytes: &[u8]) -> OsString {
    OsString::from_vec(bytes.to_vec())
}

#[test]
fn arguments_that_are_not_utf_8_pass_byte_for_byte() {
    let line = [
        odd(b"/opt/pr\xf6g"),
        odd(b"-d"),
        odd(b"caf\xe9"),
        odd(b"\xff-d"),
    ];
    let argv = vec![odd(b"/opt/pr\xf6g"), odd(b"caf\xe9"), odd(b"\xff-d")];
    let chosen = Chosen::default();
    assert_eq!(
        ask(&full(), &line),
        Ok(Invocation::Background { argv, chosen })
    );
}

#[test]
fn chosen_paths_need_not_be_utf_8() {
    let line = [
        odd(b"prog"),
        odd(b"-d"),
        odd(b"--pid-file=\xff.pid"),
        odd(b"-l"),
        odd(b"\xfe"),
    ];
    let argv = words("prog");
    let chosen = Chosen {
        pid_file: Some(odd(b"\xff.pid").into()),
        log_file: Some(odd(b"\xfe").into()),
        ..Chosen::default()
    };
    assert_eq!(
        ask(&full(), &line),
        Ok(Invocation::Background { argv, chosen })
    );
}
