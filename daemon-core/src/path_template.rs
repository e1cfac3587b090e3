//! From a path as it is written to the path that is meant: placeholders, and the start directory.
//!
//! Reading and creating are apart: the control verbs resolve the same paths as a start, but
//! `status` must leave nothing behind.

mod directory;
mod syntax;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, shown};
use crate::filled_path::{CreateDirectory, Filled};
pub(crate) use crate::path_context::PathContext;
use crate::path_context::{NoHomeDir, NoHost, PlaceholderDir};
use crate::path_source::{PathSource, Source};
use crate::settings::Object;
use syntax::{Piece, Pieces};

/// An absolute path, and the directories that belong to it.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) path: PathBuf,
    pub(crate) directories: Option<NewDirectories>,
}

/// The directories that the launcher may create for a path.
///
/// It creates directories only for a path with placeholders: those that the placeholder
/// stands for (`~/.local/state` has two levels that a new user's home lacks), and the last one of
/// the path. Every other path is taken as it is: a missing directory there is probably a typing
/// error, so opening the file fails.
#[derive(Clone, Debug)]
pub(crate) struct NewDirectories {
    /// What the path is the path of.
    pub(crate) object: Object,
    /// Outermost first.
    levels: Vec<PathBuf>,
    create: CreateDirectory,
}

impl NewDirectories {
    /// Creates those that are missing, with mode 0700, and gives them to this user and group.
    ///
    /// # Errors
    ///
    /// `CannotCreate`; `Configuration` for a symbolic link in their place that neither root nor
    /// the user made.
    pub(crate) fn create(&self, owner: Option<(u32, u32)>) -> Result<(), Error> {
        for level in &self.levels {
            (self.create)(level, owner, self.object)?;
        }
        Ok(())
    }
}

impl PathSource {
    /// A path with placeholders, as in a string of the attribute: `{name}`, `{host}`, `{instance}`,
    /// `{home}`, `{pid_dir}`, `{state_dir}` and `{log_dir}`. A brace is written twice: `{{`.
    ///
    /// A wrong template is an error of the kind [`Configuration`](crate::ErrorKind::Configuration) of the
    /// start and of the control verbs.
    ///
    /// ```
    /// let log = daemon::PathSource::template("{log_dir}/{name}.log");
    /// let daemon = daemon::Daemon::new().log(log);
    /// ```
    #[must_use]
    pub fn template(text: impl Into<Cow<'static, str>>) -> Self {
        let text = text.into();
        Self(Source::Template {
            text,
            fill_in,
            complaint: syntax::complaint,
        })
    }
}

/// The path of this object. It is not touched, nor is its directory.
///
/// # Errors
///
/// `Configuration` for a template that is wrong or cannot be filled in, and for a path that no
/// file can have; `CannotCreate` for a relative path whose start directory is gone.
pub(crate) fn resolve(
    object: Object,
    source: &PathSource,
    context: &PathContext,
) -> Result<Resolved, Error> {
    let filled = filled(source, context)?;
    if filled.path.as_os_str().is_empty() {
        return Err(empty_path(object));
    }
    let path = make_absolute(&filled.path, context)?;
    let directories = filled.create.map(|create| {
        let mut levels = filled.levels;
        let last_directory = match object {
            Object::PidFile | Object::Log | Object::Socket => path.parent(),
            Object::Root | Object::Workdir => Some(path.as_path()),
        };
        // A path may end with its placeholder.
        let new = last_directory.filter(|last| levels.last().is_none_or(|it| it != last));
        levels.extend(new.map(Path::to_owned));
        NewDirectories {
            object,
            levels,
            create,
        }
    });
    Ok(Resolved { path, directories })
}

fn filled(source: &PathSource, context: &PathContext) -> Result<Filled, Error> {
    match &source.0 {
        Source::Template { text, fill_in, .. } => fill_in(text, context),
        Source::Literal(path) => Ok(Filled::literal(path.clone())),
        Source::Computed(compute) => Ok(Filled::literal(compute())),
    }
}

/// Fills in the placeholders of a name that is not a path, such as an abstract address.
///
/// # Errors
///
/// `Configuration` for a template that is wrong or cannot be filled in.
pub(crate) fn fill_name(source: &PathSource, context: &PathContext) -> Result<PathBuf, Error> {
    filled(source, context).map(|filled| filled.path)
}

/// Only the start directory is put before it. `..` stays: behind a symbolic link it is not the
/// directory that the text suggests.
fn make_absolute(path: &Path, context: &PathContext) -> Result<PathBuf, Error> {
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(nul_in_path(path));
    }
    let from_the_root = if path.is_absolute() {
        path.to_owned()
    } else {
        let start_dir = context.start_dir();
        start_dir
            .map_err(|cause| lost_start_dir(path, cause))?
            .join(path)
    };
    std::path::absolute(&from_the_root).map_err(|cause| lost_start_dir(path, cause))
}

fn fill_in(template: &str, context: &PathContext) -> Result<Filled, Error> {
    if let Some(complaint) = syntax::complaint(template, false) {
        return Err(template_error(template, complaint));
    }
    let mut path = OsString::with_capacity(template.len());
    let mut has_placeholder = false;
    let mut levels = Vec::new();
    for piece in Pieces(template) {
        let name = match piece {
            // A home of `/` makes `/x` of `{home}/x`: `//x` may mean something else.
            Piece::Text(text) if has_placeholder && path.as_encoded_bytes().ends_with(b"/") => {
                path.push(text.strip_prefix('/').unwrap_or(text));
                continue;
            }
            Piece::Text(text) | Piece::Unmatched(text) => {
                path.push(text);
                continue;
            }
            Piece::Placeholder(name) => name,
        };
        let directory = match name {
            "name" => {
                let name = context.name();
                let name = name.ok_or_else(|| nameless(template))?;
                Ok(PlaceholderDir::given(name))
            }
            "host" => {
                let host = context
                    .host()
                    .map_err(|reason| no_host(template, &reason))?;
                Ok(PlaceholderDir::given(host))
            }
            "instance" => {
                let instance = context.instance.as_ref();
                let instance = instance.ok_or_else(|| no_instance_flag(template))?;
                Ok(PlaceholderDir::given(instance))
            }
            "home" => context.home(),
            "pid_dir" => context.pid_dir(),
            "state_dir" => context.state_dir(),
            _ => context.log_dir(),
        };
        let directory = directory.map_err(|reason| no_home_dir(template, name, &reason))?;
        if path.is_empty() {
            levels = directory.levels;
        }
        path.push(directory.path);
        has_placeholder = true;
    }
    Ok(Filled {
        path: path.into(),
        levels,
        create: has_placeholder.then_some(directory::create),
    })
}

fn no_host(template: &str, reason: &NoHost) -> Error {
    let what = format!("cannot use the path {}", shown(Path::new(template)));
    let reason = format!("no value for {{host}}: {reason}");
    Error::new(ErrorKind::Usage, what, reason)
}

fn no_instance_flag(template: &str) -> Error {
    template_error(template, "{instance} needs the option `instance_flag`")
}

fn nameless(template: &str) -> Error {
    template_error(template, "argv[0] holds no file name for {name}")
}

fn no_home_dir(template: &str, placeholder: &str, reason: &NoHomeDir) -> Error {
    template_error(
        template,
        format!("no value for {{{placeholder}}}: {reason}"),
    )
}

fn template_error(template: &str, reason: impl Into<Cow<'static, str>>) -> Error {
    unusable(Path::new(template), reason)
}

fn empty_path(object: Object) -> Error {
    let object = match object {
        Object::PidFile => "the PID file",
        Object::Log => "the log",
        Object::Root => "the root directory",
        Object::Workdir => "the working directory",
        Object::Socket => "the socket",
    };
    let what = format!("cannot use the path of {object}");
    Error::new(ErrorKind::Configuration, what, "it is empty")
}

fn nul_in_path(path: &Path) -> Error {
    unusable(path, "it holds a NUL byte")
}

fn unusable(path: &Path, reason: impl Into<Cow<'static, str>>) -> Error {
    let what = format!("cannot use the path {}", shown(path));
    Error::new(ErrorKind::Configuration, what, reason)
}

fn lost_start_dir(path: &Path, cause: io::Error) -> Error {
    let path = shown(path);
    let what = format!("cannot find the start directory for the relative path {path}");
    Error::system(ErrorKind::CannotCreate, what, cause)
}
