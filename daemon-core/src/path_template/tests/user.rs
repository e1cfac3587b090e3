//! The directories of a user, by the variables and the user database; root's are the system's.

use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;

use super::{ann, ann_with, fails, path_of};
use crate::path_template::PathContext;

#[cfg(any(target_os = "linux", target_os = "android"))]
#[test]
fn root_gets_system_directories_despite_variables() {
    let root = PathContext {
        uid: 0,
        home_of: Some(|_| Ok(Some("/srv/superuser".into()))),
        ..ann_with(&[("HOME", "/home/ann"), ("XDG_STATE_HOME", "/home/ann/state")])
    };
    let paths = [
        ("{pid_dir}/{name}.pid", "/run/hello.pid"),
        ("{state_dir}/{name}", "/var/lib/hello"),
        ("{log_dir}/{name}.log", "/var/log/hello.log"),
        ("{home}/x", "/srv/superuser/x"),
    ];
    for (template, path) in paths {
        assert_eq!(path_of(template, &root), Ok(path.into()), "{template}");
    }
}

#[test]
fn home_is_the_variable_or_the_database_entry() {
    let elsewhere = ann_with(&[("HOME", "/elsewhere")]);
    assert_eq!(path_of("{home}/x", &elsewhere), Ok("/elsewhere/x".into()));
    let state = Ok("/elsewhere/.local/state/x".into());
    assert_eq!(path_of("{state_dir}/x", &elsewhere), state);
    assert_eq!(path_of("{home}/x", &ann()), Ok("/home/ann/x".into()));
}

#[test]
fn slash_at_the_end_of_a_directory_is_not_doubled() {
    let ann = ann_with(&[("HOME", "/")]);
    let state = ann_with(&[("XDG_STATE_HOME", "/state/")]);
    // Compared as text: as paths, `//x` and `/x` are equal.
    let written = |template, context: &PathContext| {
        let path = path_of(template, context).map(PathBuf::into_os_string);
        path.unwrap_or_default()
    };
    assert_eq!(written("{home}/x", &ann), "/x");
    assert_eq!(written("{state_dir}/x", &ann), "/.local/state/x");
    assert_eq!(written("{state_dir}/x", &state), "/state/x");
}

#[test]
fn empty_or_relative_variable_counts_as_unset() {
    for value in ["", "relative", "./x", "~/x"] {
        let ann = ann_with(&[("HOME", value), ("XDG_STATE_HOME", value)]);
        for template in ["{pid_dir}/x", "{state_dir}/x", "{log_dir}/x"] {
            let expected = Ok("/home/ann/.local/state/x".into());
            assert_eq!(path_of(template, &ann), expected, "{template} {value}");
        }
        assert_eq!(
            path_of("{home}/x", &ann),
            Ok("/home/ann/x".into()),
            "{value}"
        );
    }
}

#[test]
fn state_and_log_are_kept_in_xdg_state_home() {
    let ann = ann_with(&[("XDG_STATE_HOME", "/data/state")]);
    for template in ["{state_dir}/x", "{log_dir}/x"] {
        assert_eq!(
            path_of(template, &ann),
            Ok("/data/state/x".into()),
            "{template}"
        );
    }
}

#[test]
fn xdg_directories_need_no_home() {
    let homeless = PathContext {
        home_of: Some(|_| Err(io::ErrorKind::Other.into())),
        ..ann_with(&[("XDG_STATE_HOME", "/s")])
    };
    assert_eq!(path_of("{log_dir}/x", &homeless), Ok("/s/x".into()));
    assert_eq!(path_of("{pid_dir}/x", &homeless), Ok("/s/x".into()));
}

#[test]
fn error_for_a_missing_home_names_variables() {
    let homeless = PathContext { uid: 4711, ..ann() };
    let reasons = [
        ("{home}/x", "HOME is not set to an absolute path"),
        (
            "{log_dir}/x",
            "none of XDG_STATE_HOME, HOME is an absolute path",
        ),
        (
            "{pid_dir}/x",
            "none of XDG_STATE_HOME, HOME is an absolute path",
        ),
    ];
    for (template, reason) in reasons {
        let placeholder = template.trim_end_matches("/x");
        let expected = format!(
            "cannot use the path {template}: no value for {placeholder}: {reason}, \
             and user 4711 has no home directory"
        );
        assert_eq!(path_of(template, &homeless), fails(78, &expected));
    }
}

#[test]
fn user_database_that_fails_says_why() {
    let unknown = PathContext {
        home_of: Some(|_| Err(io::Error::other("no route to the directory"))),
        ..ann()
    };
    let expected = "cannot use the path {home}/x: no value for {home}: \
                    HOME is not set to an absolute path, and the home directory of user 1000 \
                    cannot be looked up: no route to the directory";
    assert_eq!(path_of("{home}/x", &unknown), fails(78, expected));
}

#[test]
fn relative_home_in_the_database_is_ignored() {
    let empty = PathContext {
        home_of: Some(|_| Ok(Some("".into()))),
        ..ann()
    };
    assert_eq!(
        path_of("{home}/x", &empty).map_err(|(status, _)| status),
        Err(78)
    );
}

#[test]
fn untrusted_environment_is_ignored() {
    let privileged = PathContext {
        environment: None,
        ..ann()
    };
    let expected = Ok("/home/ann/.local/state/x".into());
    assert_eq!(path_of("{state_dir}/x", &privileged), expected);
    assert_eq!(path_of("{home}/x", &privileged), Ok("/home/ann/x".into()));

    let homeless = PathContext {
        uid: 4711,
        ..privileged
    };
    let expected = "cannot use the path {home}/x: no value for {home}: \
                    HOME is not trusted in a privileged program, \
                    and user 4711 has no home directory";
    assert_eq!(path_of("{home}/x", &homeless), fails(78, expected));
}

#[test]
fn environment_is_read_only_if_it_is_trusted() {
    let argv0 = OsStr::new("hello");
    let trusting = PathContext::of_this_process(argv0, true);
    assert!(trusting.environment.is_some());
    let privileged = PathContext::of_this_process(argv0, false);
    assert!(privileged.environment.is_none());
}

#[test]
fn pid_dir_depends_on_no_variable() {
    for variables in [
        &[][..],
        &[("HOME", "/elsewhere")],
        &[
            ("XDG_STATE_HOME", "/s"),
            ("XDG_RUNTIME_DIR", "/run/user/1000"),
        ],
    ] {
        let expected = Ok("/home/ann/.local/state/x".into());
        assert_eq!(path_of("{pid_dir}/x", &ann_with(variables)), expected);
    }
}

#[test]
fn pid_dir_is_the_state_dir_where_the_home_is_missing() {
    let ann = PathContext {
        is_directory: Some(|_| false),
        ..ann_with(&[("HOME", "/elsewhere")])
    };
    let expected = Ok("/elsewhere/.local/state/x".into());
    assert_eq!(path_of("{pid_dir}/x", &ann), expected);
}

#[test]
fn home_of_root_is_that_of_the_user_database() {
    let root = PathContext {
        uid: 0,
        home_of: Some(|_| Ok(None)),
        ..ann_with(&[("HOME", "/home/ann")])
    };
    let expected = "cannot use the path {home}/x: no value for {home}: root's home is that of the \
                    user database, and user 0 has no home directory";
    assert_eq!(path_of("{home}/x", &root), fails(78, expected));
}
