//! Absolute and relative paths, and those that no file can have.

use super::{ann, fails, path_of, path_of_source};
use crate::path_source::PathSource;
use crate::path_template::Object;
use crate::path_template::{PathContext, resolve};

#[test]
fn relative_path_begins_at_the_start_directory() {
    let paths = [
        ("x.pid", "/start/x.pid"),
        ("./x.pid", "/start/x.pid"),
        ("../x.pid", "/start/../x.pid"),
        ("logs/{name}.log", "/start/logs/hello.log"),
    ];
    for (template, path) in paths {
        assert_eq!(path_of(template, &ann()), Ok(path.into()), "{template}");
    }
    let literal = path_of_source(&"x".into(), &ann());
    assert_eq!(literal, Ok("/start/x".into()));
}

#[test]
fn absolute_path_needs_no_start_directory() {
    let lost = PathContext {
        start_dir: Err(nix::errno::Errno::ENOENT.into()),
        ..ann()
    };
    assert_eq!(path_of("/run/x", &lost), Ok("/run/x".into()));
    let expected = "cannot find the start directory for the relative path x: \
                    No such file or directory";
    assert_eq!(path_of("x", &lost), fails(73, expected));
}

#[test]
fn path_that_no_file_can_have_is_refused() {
    for (object, name) in [
        (Object::PidFile, "PID file"),
        (Object::Log, "log"),
        (Object::Root, "root directory"),
        (Object::Workdir, "working directory"),
    ] {
        for source in [PathSource::from(""), PathSource::from_fn(|| "")] {
            let refused = resolve(object, &source, &ann())
                .map_err(|error| (error.exit_status(), error.to_string()));
            let expected = format!("cannot use the path of the {name}: it is empty");
            assert_eq!(refused.err(), Some((78, expected)));
        }
    }
    let nul = fails(78, "cannot use the path /a\\u{0}b: it holds a NUL byte");
    assert_eq!(path_of_source(&"/a\0b".into(), &ann()), nul);
}
