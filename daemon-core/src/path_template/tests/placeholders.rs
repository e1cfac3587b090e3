//! Templates: what is filled in, and what is refused.

use std::path::PathBuf;

use super::{ann, ann_with, fails, path_of};
use crate::path_source::PathSource;

#[test]
fn a_path_without_placeholders_is_taken_as_it_is() {
    for path in ["/run/hello.pid", "/srv/../run/a b.pid", "/~/$HOME"] {
        assert_eq!(path_of(path, &ann()), Ok(path.into()));
    }
}

#[test]
fn every_placeholder_is_filled_in_for_an_ordinary_user() {
    let ann = ann_with(&[("XDG_RUNTIME_DIR", "/run/user/1000")]);
    let paths = [
        ("/run/{name}.pid", "/run/hello.pid"),
        ("{home}/hello.pid", "/home/ann/hello.pid"),
        ("{runtime_dir}/{name}.pid", "/run/user/1000/hello.pid"),
        ("{state_dir}/{name}/x", "/home/ann/.local/state/hello/x"),
        ("{log_dir}/{name}.log", "/home/ann/.local/state/hello.log"),
        ("/srv/{name}{name}/{name}", "/srv/hellohello/hello"),
    ];
    for (template, path) in paths {
        assert_eq!(path_of(template, &ann), Ok(path.into()), "{template}");
    }
}

#[test]
fn doubled_braces_are_braces() {
    assert_eq!(path_of("/a/{{name}}", &ann()), Ok("/a/{name}".into()));
    assert_eq!(path_of("/a/{{{name}}}", &ann()), Ok("/a/{hello}".into()));
}

#[test]
fn braces_in_a_path_that_is_no_template_are_braces() {
    assert_eq!(path_of(PathBuf::from("/a/{x"), &ann()), Ok("/a/{x".into()));
    let computed = PathSource::from_fn(|| "/a/{name}}");
    assert_eq!(path_of(computed, &ann()), Ok("/a/{name}}".into()));
}

#[test]
fn an_unknown_placeholder_is_refused() {
    for (template, name) in [
        ("/a/{nmae}.pid", "{nmae}"),
        ("/a/{}", "{}"),
        ("/a/{Home}", "{Home}"),
        ("/a/{ name}", "{ name}"),
    ] {
        let expected = format!(
            "cannot use the path {template}: unknown placeholder {name}; \
             expected {{name}}, {{home}}, {{runtime_dir}}, {{state_dir}} or {{log_dir}}"
        );
        assert_eq!(path_of(template, &ann()), fails(78, &expected));
    }
}

#[test]
fn an_unmatched_brace_is_refused() {
    for (template, repair) in [
        ("/a/{name.pid", "unmatched {; write {{ for a brace"),
        ("/a/name}.pid", "unmatched }; write }} for a brace"),
        ("/a/{{name}.pid", "unmatched }; write }} for a brace"),
        ("/a/{", "unmatched {; write {{ for a brace"),
    ] {
        let expected = format!("cannot use the path {template}: {repair}");
        assert_eq!(path_of(template, &ann()), fails(78, &expected));
    }
}
