//! The name of the program.

use std::ffi::{OsStr, OsString};

use super::{ann, fails, path_of};
use crate::path_template::PathContext;
use crate::program_name::in_argv0;

#[test]
fn name_is_the_file_name_in_argv_0_without_a_dash() {
    let names = [
        ("hello", Some("hello")),
        ("/usr/bin/hello", Some("hello")),
        ("./hello world", Some("hello world")),
        ("-hello", Some("hello")),
        ("-/bin/hello", Some("hello")),
        ("--hello", Some("-hello")),
        ("", None),
        ("-", None),
        ("/", None),
        ("..", None),
        ("-..", None),
        ("hello [supervisor]", Some("hello")),
    ];
    for (argv0, name) in names {
        assert_eq!(in_argv0(OsStr::new(argv0)), name.map(OsStr::new), "{argv0}");
    }
}

#[test]
fn name_that_is_not_utf_8_passes_byte_for_byte() {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};

    let argv0 = OsStr::from_bytes(b"/opt/-pr\xf6g");
    let ann = PathContext {
        name: in_argv0(argv0).map(OsStr::to_owned),
        ..ann()
    };
    let path = OsString::from_vec(b"/run/pr\xf6g.pid".to_vec());
    assert_eq!(path_of("/run/{name}.pid", &ann), Ok(path.into()));
}

#[test]
fn missing_name_is_refused_where_it_is_used() {
    let nameless = PathContext {
        name: None,
        ..ann()
    };
    let message = "cannot use the path /a/{name}: argv[0] holds no file name for {name}";
    assert_eq!(path_of("/a/{name}", &nameless), fails(78, message));
    assert_eq!(path_of("/a/b", &nameless), Ok("/a/b".into()));
}
