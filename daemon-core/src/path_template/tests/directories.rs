//! The directories that a start creates, and those that it leaves alone.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

use super::scratch::Scratch;
use super::{ann, ann_with, path_of};
use crate::path_source::PathSource;
use crate::path_template::Object;
use crate::path_template::{PathContext, resolve};

fn levels_of(object: Object, template: &'static str, context: &PathContext) -> Vec<PathBuf> {
    let resolved = resolve(object, &PathSource::template(template), context).ok();
    let directories = resolved.and_then(|resolved| resolved.directories);
    directories.map_or(Vec::new(), |directories| directories.levels)
}

/// The directories that a start may create for it.
fn directories_of(template: &'static str, context: &PathContext) -> Vec<PathBuf> {
    levels_of(Object::PidFile, template, context)
}

#[test]
fn directories_are_created_only_for_placeholders() {
    let none: [PathBuf; 0] = [];
    assert_eq!(directories_of("/a/b/x.pid", &ann()), none);
    assert_eq!(directories_of("/a/{{b}}/x.pid", &ann()), none);
    let name = directories_of("/a/{name}/x.pid", &ann());
    assert_eq!(name, [PathBuf::from("/a/hello")]);
}

#[test]
fn created_directories_begin_at_the_placeholder() {
    let state = ["/home/ann/.local", "/home/ann/.local/state"].map(PathBuf::from);
    assert_eq!(directories_of("{state_dir}/x", &ann()), state);
    let mut deeper = state.to_vec();
    deeper.push("/home/ann/.local/state/a/b".into());
    assert_eq!(directories_of("{state_dir}/a/b/x", &ann()), deeper);

    let variable = ann_with(&[("XDG_STATE_HOME", "/data/state/")]);
    let expected = ["/data/state", "/data/state/hello"].map(PathBuf::from);
    assert_eq!(directories_of("{log_dir}/{name}/x", &variable), expected);

    let inside = [PathBuf::from("/srv/home/ann/.local/state")];
    assert_eq!(directories_of("/srv{state_dir}/x", &ann()), inside);
}

#[test]
fn directory_is_its_own_last_directory() {
    let directories = levels_of(Object::Workdir, "/srv/{name}", &ann());
    assert_eq!(directories, [PathBuf::from("/srv/hello")]);
}

fn mode(path: &Path) -> io::Result<u32> {
    Ok(fs::symlink_metadata(path)?.permissions().mode() & 0o7777)
}

#[test]
fn missing_levels_below_a_new_home_are_created_0700() -> io::Result<()> {
    let home = Scratch::new("new-home")?;
    let log = home.0.join(".local/state/hello/x.log");
    assert_eq!(home.create("{log_dir}/{name}/x.log"), Ok(log));
    for directory in [".local", ".local/state", ".local/state/hello"] {
        assert_eq!(mode(&home.0.join(directory))?, 0o700, "{directory}");
    }
    assert!(!home.0.join(".local/state/hello/x.log").exists());
    Ok(())
}

#[test]
fn directories_that_are_there_keep_their_mode() -> io::Result<()> {
    let home = Scratch::new("old-home")?;
    let local = home.0.join(".local");
    fs::create_dir(&local)?;
    fs::set_permissions(&local, fs::Permissions::from_mode(0o755))?;
    assert!(home.create("{log_dir}/x.log").is_ok());
    assert!(home.create("{log_dir}/x.log").is_ok());
    assert_eq!(mode(&local)?, 0o755);
    Ok(())
}

#[test]
fn only_the_last_directory_of_the_path_is_created() -> io::Result<()> {
    let home = Scratch::new("two-missing")?;
    let expected = format!(
        "cannot create the directory {}/a/b: No such file or directory",
        home.0.display()
    );
    assert_eq!(home.create("{home}/a/b/x.log"), Err((73, expected)));
    assert!(!home.0.join("a").exists());
    Ok(())
}

#[test]
fn resolving_creates_nothing() -> io::Result<()> {
    let home = Scratch::new("resolve")?;
    assert!(path_of("{log_dir}/x.log", &home.user()).is_ok());
    assert!(!home.0.join(".local").exists());
    Ok(())
}

#[test]
fn file_in_the_place_of_a_directory_is_refused() -> io::Result<()> {
    let home = Scratch::new("file")?;
    fs::write(home.0.join("d"), "")?;
    let expected = format!(
        "cannot create the directory {}/d: exists and is not a directory",
        home.0.display()
    );
    assert_eq!(home.create("{home}/d/x.log"), Err((73, expected)));
    Ok(())
}

#[test]
fn link_that_the_user_made_is_followed() -> io::Result<()> {
    let home = Scratch::new("own-link")?;
    fs::create_dir(home.0.join("dotfiles"))?;
    symlink("dotfiles", home.0.join(".local"))?;
    assert!(home.create("{log_dir}/x.log").is_ok());
    assert_eq!(mode(&home.0.join("dotfiles/state"))?, 0o700);
    Ok(())
}

#[test]
fn dangling_link_creates_no_directory() -> io::Result<()> {
    let home = Scratch::new("dangling")?;
    symlink("nowhere", home.0.join("d"))?;
    assert_eq!(home.create("{home}/d/x").map_err(|it| it.0), Err(73));
    assert!(!home.0.join("nowhere").exists());
    Ok(())
}

#[test]
fn link_of_another_user_is_refused() -> io::Result<()> {
    // Only root can make a link of another user.
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    let home = Scratch::new("planted")?;
    let link = home.0.join("d");
    fs::create_dir(home.0.join("theirs"))?;
    symlink("theirs", &link)?;
    lchown(&link, Some(4711), None)?;
    let expected = format!(
        "cannot use the directory {}: it is a symbolic link made by user 4711",
        link.display()
    );
    assert_eq!(home.create("{home}/d/x"), Err((78, expected)));
    Ok(())
}

#[test]
fn concurrent_starts_create_the_same_directories() -> io::Result<()> {
    let home = Scratch::new("race")?;
    for round in 0..50 {
        let start = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    start.wait();
                    assert!(home.create("{log_dir}/{name}/x.log").is_ok(), "{round}");
                });
            }
        });
        fs::remove_dir_all(home.0.join(".local"))?;
    }
    Ok(())
}
