//! Templates: what is filled in, and what is refused.

use super::{ann, fails, path_of, path_of_source};
use crate::path_source::PathSource;
use crate::path_template::PathContext;

#[test]
fn path_without_placeholders_is_taken_as_it_is() {
    for path in ["/run/hello.pid", "/srv/../run/a b.pid", "/~/a$", "/a/$1"] {
        assert_eq!(path_of(path, &ann()), Ok(path.into()));
    }
}

#[test]
fn every_placeholder_is_filled_in_for_a_user() {
    let ann = ann();
    let paths = [
        ("/run/{name}.pid", "/run/hello.pid"),
        ("{home}/hello.pid", "/home/ann/hello.pid"),
        ("{pid_dir}/{name}.pid", "/home/ann/.local/state/hello.pid"),
        ("/srv/{host}/x", "/srv/mill/x"),
        ("/run/{name}-{instance}.pid", "/run/hello-web.pid"),
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
    for source in [
        PathSource::from("/a/{name}}"),
        PathSource::from_fn(|| "/a/{name}}"),
    ] {
        assert_eq!(path_of_source(&source, &ann()), Ok("/a/{name}}".into()));
    }
}

#[test]
fn unknown_placeholder_is_refused() {
    for (template, name) in [
        ("/a/{nmae}.pid", "{nmae}"),
        ("/a/{}", "{}"),
        ("/a/{Home}", "{Home}"),
        ("/a/{ name}", "{ name}"),
    ] {
        let expected = format!(
            "cannot use the path {template}: unknown placeholder `{name}`; expected `{{name}}`, \
             `{{host}}`, `{{instance}}`, `{{home}}`, `{{pid_dir}}`, `{{state_dir}}` or `{{log_dir}}`"
        );
        assert_eq!(path_of(template, &ann()), fails(78, &expected));
    }
}

#[test]
fn instance_without_its_flag_is_refused() {
    let without = PathContext {
        instance: None,
        ..ann()
    };
    let expected = "cannot use the path /a/{instance}: {instance} needs the option `instance_flag`";
    assert_eq!(path_of("/a/{instance}", &without), fails(78, expected));
}

#[test]
fn runtime_dir_is_refused_in_favour_of_pid_dir() {
    let expected = "cannot use the path {runtime_dir}/x: \
                    `{runtime_dir}` is removed when its user logs out; use `{pid_dir}`";
    assert_eq!(path_of("{runtime_dir}/x", &ann()), fails(78, expected));
}

#[test]
fn host_names_that_no_path_can_hold_are_refused() {
    let path_with = |node_name| {
        let ann = PathContext {
            node_name: Some(node_name),
            ..ann()
        };
        path_of("/srv/{host}", &ann)
    };
    let refused = |words: &str| {
        let message = format!("cannot use the path /srv/{{host}}: no value for {{host}}: {words}");
        fails(64, &message)
    };
    let slash = refused("the host name holds a slash");
    let empty = refused("the host name is empty");
    assert_eq!(path_with(|| Ok("a/b.c".into())), slash);
    assert_eq!(path_with(|| Ok(".c".into())), empty);
    assert_eq!(path_with(|| Ok("..".into())), empty);
    assert_eq!(path_with(|| Ok("a.b/c".into())), Ok("/srv/a".into()));
}

#[test]
fn unmatched_brace_is_refused() {
    for (template, repair) in [
        ("/a/{name.pid", "`{` in the path; write `{{`"),
        ("/a/name}.pid", "`}` in the path; write `}}`"),
        ("/a/{{name}.pid", "`}` in the path; write `}}`"),
        ("/a/{", "`{` in the path; write `{{`"),
    ] {
        let expected = format!("cannot use the path {template}: unmatched {repair} for a brace");
        assert_eq!(path_of(template, &ann()), fails(78, &expected));
    }
}
