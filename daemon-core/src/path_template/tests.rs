//! What each way of writing a path comes to, as a sentence.

mod absolute;
mod directories;
mod name;
mod placeholders;
mod scratch;
mod user;

use super::*;
use crate::path_context::Environment;

/// An ordinary user without any variable, started as `/opt/bin/hello` in `/start`.
fn ann() -> PathContext {
    PathContext {
        name: Some("hello".into()),
        instance: Some("web".into()),
        uid: 1000,
        start_dir: Ok("/start".into()),
        environment: Some(environment(&[])),
        home_of: Some(|uid| Ok((uid == 1000).then(|| "/home/ann".into()))),
        is_directory: Some(|path| path == Path::new("/home/ann")),
        node_name: Some(|| Ok("mill.example.org".into())),
    }
}

fn ann_with(variables: &[(&str, &str)]) -> PathContext {
    PathContext {
        environment: Some(environment(variables)),
        ..ann()
    }
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    let variables: Vec<(String, OsString)> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.into()))
        .collect();
    Box::new(move |asked| {
        let found = variables.iter().find(|(name, _)| name == asked)?;
        Some(found.1.clone())
    })
}

/// What the template becomes, or the exit status and the message.
fn path_of(template: &'static str, context: &PathContext) -> Result<PathBuf, (u8, String)> {
    path_of_source(&PathSource::template(template), context)
}

fn path_of_source(source: &PathSource, context: &PathContext) -> Result<PathBuf, (u8, String)> {
    resolve(Object::PidFile, source, context)
        .map(|resolved| resolved.path)
        .map_err(|error| (error.exit_status(), error.to_string()))
}

fn fails(status: u8, message: &str) -> Result<PathBuf, (u8, String)> {
    Err((status, message.to_owned()))
}
