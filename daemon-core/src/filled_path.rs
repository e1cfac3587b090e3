//! A path whose placeholders are filled in.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::path_context::PathContext;
use crate::settings::Object;

/// Fills in the placeholders of a template.
pub(crate) type FillIn = fn(&str, &PathContext) -> Result<Filled, Error>;

/// Creates a directory, for this user and group.
pub(crate) type CreateDirectory = fn(&Path, Option<(u32, u32)>, Object) -> Result<(), Error>;

#[derive(Debug)]
pub(crate) struct Filled {
    pub(crate) path: PathBuf,
    /// The directories that the placeholder at its beginning stands for, as far as a start may
    /// create them.
    pub(crate) levels: Vec<PathBuf>,
    /// Only for a path with a placeholder.
    pub(crate) create: Option<CreateDirectory>,
}

impl Filled {
    pub(crate) fn literal(path: PathBuf) -> Self {
        Self {
            path,
            levels: Vec::new(),
            create: None,
        }
    }
}
