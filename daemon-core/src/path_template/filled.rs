//! A path whose placeholders are filled in.

use std::path::{Path, PathBuf};

use super::context::PathContext;
use crate::error::Error;
use crate::settings::Object;

/// Fills in the placeholders of a template.
pub(crate) type FillIn = fn(&str, &PathContext) -> Result<Filled, Error>;

/// Creates a directory, for this user and group.
pub(super) type CreateDirectory = fn(&Path, Option<(u32, u32)>, Object) -> Result<(), Error>;

#[derive(Debug)]
pub(crate) struct Filled {
    pub(super) path: PathBuf,
    /// The directories that the placeholder at its beginning stands for, as far as a start may
    /// create them.
    pub(super) levels: Vec<PathBuf>,
    /// Only for a path with a placeholder.
    pub(super) create: Option<CreateDirectory>,
}

impl Filled {
    pub(super) fn literal(path: PathBuf) -> Self {
        Self {
            path,
            levels: Vec::new(),
            create: None,
        }
    }
}
