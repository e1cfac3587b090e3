use super::*;

fn parsed(datagram: &[u8]) -> Vec<Notification> {
    parse(datagram).collect()
}

#[test]
fn assignments_are_read_in_their_order() {
    assert_eq!(
        parsed(b"STATUS=up\nREADY=1\nSTOPPING=1\nERRNO=2\nEXTEND_TIMEOUT_USEC=1500000"),
        [
            Notification::Status("up".to_owned()),
            Notification::Ready,
            Notification::Stopping,
            Notification::Errno(2),
            Notification::ExtendTimeout(Duration::from_millis(1500)),
        ]
    );
}

#[test]
fn barrier_is_understood() {
    assert_eq!(parsed(READY.as_bytes()), [Notification::Ready]);
    assert_eq!(parse(b"BARRIER=1").next(), Some(Notification::Barrier));
}

#[test]
fn final_newline_or_nul_changes_nothing() {
    for datagram in [&b"READY=1\n"[..], b"READY=1\0", b"\nREADY=1\n\n"] {
        assert_eq!(parsed(datagram), [Notification::Ready], "{datagram:?}");
    }
}

#[test]
fn malformed_assignments_are_ignored() {
    let silent: [&[u8]; 16] = [
        b"",
        b"\n\n\n",
        b"=",
        b"=1",
        b"READY",
        b"READY=",
        b"READY=0",
        b"READY=11",
        b"READY=1 ",
        b" READY=1",
        b"ready=1",
        b"NOTREADY=1",
        b"MAINPID=1",
        b"X=READY=1",
        b"READY\0=1",
        b"\xff\xfe\x00=\xff",
    ];
    for datagram in silent {
        assert_eq!(parsed(datagram), [], "{datagram:?}");
    }
}

#[test]
fn numbers_that_are_none_are_ignored() {
    for value in ["", "-1", "+1", "1 ", "0x1", "1e3", "\u{0661}"] {
        assert_eq!(parsed(format!("ERRNO={value}").as_bytes()), []);
        assert_eq!(
            parsed(format!("EXTEND_TIMEOUT_USEC={value}").as_bytes()),
            []
        );
    }
}

#[test]
fn errno_is_between_1_and_4095() {
    assert_eq!(parsed(b"ERRNO=1"), [Notification::Errno(1)]);
    assert_eq!(parsed(b"ERRNO=4095"), [Notification::Errno(4095)]);
    for value in ["0", "4096", "4294967297", "99999999999999999999999"] {
        assert_eq!(parsed(format!("ERRNO={value}").as_bytes()), [], "{value}");
    }
}

#[test]
fn absurd_extension_is_capped() {
    for value in ["86400000001", "18446744073709551615", &"9".repeat(4000)] {
        assert_eq!(
            parsed(format!("EXTEND_TIMEOUT_USEC={value}").as_bytes()),
            [Notification::ExtendTimeout(EXTENSION_MAX)]
        );
    }
}

fn status_of(datagram: &[u8]) -> String {
    match parsed(datagram).as_slice() {
        [Notification::Status(line)] => line.clone(),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn status_is_one_escaped_line() {
    assert_eq!(
        status_of("STATUS=50 % übersetzt = gut".as_bytes()),
        "50 % übersetzt = gut"
    );
    assert_eq!(
        status_of(b"STATUS=\x1b[2J\r\x07\x7f\xc2\x9b"),
        r"\u{1b}[2J\r\u{7}\u{7f}\u{9b}"
    );
    assert_eq!(
        status_of("STATUS=a\u{202e}b\u{2028}c".as_bytes()),
        r"a\u{202e}b\u{2028}c"
    );
    assert_eq!(status_of(b"STATUS=\xff"), "\u{fffd}");
    assert_eq!(status_of(b"STATUS="), "");
}

#[test]
fn status_is_bounded_escapes_included() {
    for text in ["x".repeat(100_000), "\u{1b}".repeat(100_000)] {
        let line = status_of(format!("STATUS={text}").as_bytes());
        assert!(line.ends_with("..."), "{line}");
        assert!(line.chars().count() <= STATUS_MAX + 3, "{line}");
    }
    let full = "x".repeat(STATUS_MAX);
    assert_eq!(status_of(format!("STATUS={full}").as_bytes()), full);
}

#[test]
fn status_text_cannot_carry_another_assignment() {
    let datagram = status_assignment("x\nREADY=1\r\nREADY=1\0");
    assert_eq!(datagram, "STATUS=x READY=1  READY=1 ");
    assert_eq!(
        parsed(datagram.as_bytes()),
        [Notification::Status("x READY=1  READY=1 ".to_owned())]
    );
}

#[test]
fn long_status_is_cut_between_characters() {
    let datagram = status_assignment("é".repeat(DATAGRAM_MAX));
    assert!(datagram.len() <= DATAGRAM_MAX);
    assert!(datagram.len() > DATAGRAM_MAX - 2);
}

#[test]
fn status_is_sent_up_to_a_formatting_error() {
    struct Failing;
    impl fmt::Display for Failing {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half")?;
            Err(fmt::Error)
        }
    }
    assert_eq!(status_assignment(Failing), "STATUS=half");
}

#[test]
fn extension_is_sent_in_microseconds() {
    let sent = |time| extend_timeout_assignment(time);
    assert_eq!(sent(Duration::from_millis(2)), "EXTEND_TIMEOUT_USEC=2000");
    assert_eq!(
        sent(Duration::MAX),
        "EXTEND_TIMEOUT_USEC=18446744073709551615"
    );
}
