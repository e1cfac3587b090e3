//! What is wrong with a path before anything is opened.

use std::io;
use std::path::Path;

use super::{Error, ErrorKind, shown, system_message};

/// What a path is the path of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Object {
    PidFile,
    Log,
    Root,
    Workdir,
}

impl Error {
    pub(crate) fn unknown_placeholder(template: &str, name: &str) -> Self {
        Self::template(
            template,
            format!(
                "unknown placeholder {{{name}}}; expected \
                 {{name}}, {{home}}, {{runtime_dir}}, {{state_dir}} or {{log_dir}}"
            ),
        )
    }

    pub(crate) fn unmatched_brace(template: &str, brace: &str) -> Self {
        Self::template(
            template,
            format!("unmatched {brace}; write {brace}{brace} for a brace"),
        )
    }

    pub(crate) fn nameless(template: &str) -> Self {
        Self::template(template, "argv[0] holds no file name for {name}")
    }

    /// `variables` is empty where the environment is not to be trusted.
    pub(crate) fn homeless(
        template: &str,
        placeholder: &str,
        variables: &[&str],
        uid: u32,
        cause: Option<&io::Error>,
    ) -> Self {
        let environment = match variables {
            [] => "HOME is not trusted in a privileged program".to_owned(),
            [variable] => format!("{variable} is not set to an absolute path"),
            _ => format!("none of {} is an absolute path", variables.join(", ")),
        };
        let database = match cause {
            None => format!("user {uid} has no home directory"),
            Some(cause) => format!(
                "the home directory of user {uid} cannot be looked up: {}",
                system_message(cause)
            ),
        };
        Self::template(
            template,
            format!("no value for {{{placeholder}}}: {environment}, and {database}"),
        )
    }

    fn template(template: &str, reason: impl Into<String>) -> Self {
        Self::path(ErrorKind::Configuration, Path::new(template), reason)
    }

    pub(crate) fn empty_path(object: Object) -> Self {
        let object = match object {
            Object::PidFile => "the PID file",
            Object::Log => "the log",
            Object::Root => "the root directory",
            Object::Workdir => "the working directory",
        };
        let what = format!("cannot use the path of {object}");
        Self::words(ErrorKind::Configuration, what, "it is empty")
    }

    pub(crate) fn nul_in_path(path: &Path) -> Self {
        Self::path(ErrorKind::Configuration, path, "it holds a NUL byte")
    }

    fn path(kind: ErrorKind, path: &Path, reason: impl Into<String>) -> Self {
        Self::words(kind, format!("cannot use the path {}", shown(path)), reason)
    }

    pub(crate) fn lost_start_dir(path: &Path, cause: io::Error) -> Self {
        let path = shown(path);
        Self::system(
            ErrorKind::CannotCreate,
            format!("cannot find the start directory for the relative path {path}"),
            cause,
        )
    }

    pub(crate) fn no_directory(directory: &Path, cause: io::Error) -> Self {
        let directory = shown(directory);
        Self::system(
            ErrorKind::CannotCreate,
            format!("cannot create the directory {directory}"),
            cause,
        )
    }

    pub(crate) fn not_a_directory(path: &Path) -> Self {
        let path = shown(path);
        Self::words(
            ErrorKind::CannotCreate,
            format!("cannot create the directory {path}"),
            "something else has that name",
        )
    }

    pub(crate) fn foreign_link(directory: &Path, maker: u32) -> Self {
        let directory = shown(directory);
        Self::words(
            ErrorKind::Configuration,
            format!("cannot use the directory {directory}"),
            format!("it is a symbolic link made by user {maker}"),
        )
    }
}
