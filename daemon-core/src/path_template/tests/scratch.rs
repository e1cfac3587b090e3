//! A home on the disk, for what a start creates there.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::ann;
use crate::path_source::PathSource;
use crate::path_template::Object;
use crate::path_template::{PathContext, resolve};

/// An empty directory, removed at the end of the test.
pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    pub(super) fn new(test: &str) -> io::Result<Self> {
        let name = format!("daemon-core-{}-{test}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    pub(super) fn user(&self) -> PathContext {
        let scratch = self.0.clone();
        PathContext {
            environment: Some(Box::new(move |variable| match variable {
                "HOME" => Some(scratch.clone().into()),
                _ => None,
            })),
            ..ann()
        }
    }

    pub(super) fn create(&self, template: &'static str) -> Result<PathBuf, (u8, String)> {
        resolve(Object::Log, &PathSource::template(template), &self.user())
            .and_then(|resolved| {
                resolved.directories.map_or(Ok(()), |it| it.create(None))?;
                Ok(resolved.path)
            })
            .map_err(|error| (error.exit_status(), error.to_string()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}
