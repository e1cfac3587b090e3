//! What each way of writing a path comes to, as a sentence.

use std::ffi::OsStr;
use std::fs;
use std::io;

use super::surroundings::{Environment, name_in};
use super::*;

/// An ordinary user without any variable, started as `/opt/bin/hello` in `/start`.
fn ann() -> Surroundings {
    Surroundings {
        name: name_in(OsStr::new("/opt/bin/hello")),
        uid: 1000,
        start_dir: Ok("/start".into()),
        environment: Some(environment(&[])),
        home_of: |uid| Ok((uid == 1000).then(|| "/home/ann".into())),
        runtime_dirs: "/nowhere".into(),
    }
}

fn ann_with(variables: &[(&str, &str)]) -> Surroundings {
    Surroundings {
        environment: Some(environment(variables)),
        ..ann()
    }
}

fn root_with(variables: &[(&str, &str)]) -> Surroundings {
    Surroundings {
        uid: 0,
        home_of: |_| Ok(Some("/var/root".into())),
        ..ann_with(variables)
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

/// The path, or the exit status and the message.
fn path_of(
    source: impl Into<PathSource>,
    surroundings: &Surroundings,
) -> Result<PathBuf, (u8, String)> {
    resolve(Object::PidFile, source.into(), surroundings)
        .map(Resolved::into_path)
        .map_err(|error| (error.exit_status(), error.to_string()))
}

/// The directories that a start may create for it.
fn directories_of(template: &'static str, surroundings: &Surroundings) -> Vec<PathBuf> {
    resolve(Object::PidFile, template.into(), surroundings)
        .map_or(Vec::new(), |resolved| resolved.to_create)
}

fn fails(status: u8, message: &str) -> Result<PathBuf, (u8, String)> {
    Err((status, message.to_owned()))
}

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

#[cfg(any(target_os = "linux", target_os = "android"))]
#[test]
fn root_gets_the_directories_of_the_system_whatever_the_variables_say() {
    let root = root_with(&[
        ("XDG_RUNTIME_DIR", "/run/user/1000"),
        ("XDG_STATE_HOME", "/home/ann/state"),
    ]);
    let paths = [
        ("{runtime_dir}/{name}.pid", "/run/hello.pid"),
        ("{state_dir}/{name}", "/var/lib/hello"),
        ("{log_dir}/{name}.log", "/var/log/hello.log"),
        ("{home}/x", "/var/root/x"),
    ];
    for (template, path) in paths {
        assert_eq!(path_of(template, &root), Ok(path.into()), "{template}");
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

#[test]
fn the_name_is_the_file_name_in_argv_0_without_a_leading_dash() {
    let names = [
        ("hello", Some("hello")),
        ("/usr/bin/hello", Some("hello")),
        ("./hello world", Some("hello world")),
        ("-hello", Some("hello")),
        ("-/bin/hello", Some("hello")),
        ("--hello", Some("-hello")),
        ("", None),
        ("-", None),
        ("/", None),
        ("..", None),
        ("-..", None),
    ];
    for (argv0, name) in names {
        let expected = name.map(OsString::from);
        assert_eq!(name_in(OsStr::new(argv0)), expected, "{argv0}");
    }
}

#[test]
fn a_name_that_is_not_utf_8_passes_byte_for_byte() {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};

    let argv0 = OsStr::from_bytes(b"/opt/-pr\xf6g");
    let ann = Surroundings {
        name: name_in(argv0),
        ..ann()
    };
    let path = OsString::from_vec(b"/run/pr\xf6g.pid".to_vec());
    assert_eq!(path_of("/run/{name}.pid", &ann), Ok(path.into()));
}

#[test]
fn a_program_without_a_name_is_refused_only_where_the_name_is_needed() {
    let nameless = Surroundings {
        name: None,
        ..ann()
    };
    let message = "cannot use the path /a/{name}: argv[0] holds no file name for {name}";
    assert_eq!(path_of("/a/{name}", &nameless), fails(78, message));
    assert_eq!(path_of("/a/b", &nameless), Ok("/a/b".into()));
}

#[test]
fn home_is_the_variable_and_else_the_entry_in_the_user_database() {
    let elsewhere = ann_with(&[("HOME", "/elsewhere")]);
    assert_eq!(path_of("{home}/x", &elsewhere), Ok("/elsewhere/x".into()));
    let state = Ok("/elsewhere/.local/state/x".into());
    assert_eq!(path_of("{state_dir}/x", &elsewhere), state);
    assert_eq!(path_of("{home}/x", &ann()), Ok("/home/ann/x".into()));
}

#[test]
fn a_home_or_a_variable_that_ends_with_a_slash_doubles_none() {
    let ann = ann_with(&[("HOME", "/"), ("XDG_RUNTIME_DIR", "/run/user/1000/")]);
    // Compared as text: as paths, `//x` and `/x` are equal.
    let written = |template| {
        let path = path_of(template, &ann).map(PathBuf::into_os_string);
        path.unwrap_or_default()
    };
    assert_eq!(written("{home}/x"), "/x");
    assert_eq!(written("{state_dir}/x"), "/.local/state/x");
    assert_eq!(written("{runtime_dir}/x"), "/run/user/1000/x");
}

#[test]
fn variables_that_are_empty_or_relative_count_as_unset() {
    for value in ["", "relative", "./x", "~/x"] {
        let ann = ann_with(&[
            ("HOME", value),
            ("XDG_STATE_HOME", value),
            ("XDG_RUNTIME_DIR", value),
        ]);
        for template in ["{runtime_dir}/x", "{state_dir}/x", "{log_dir}/x"] {
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
    for template in ["{state_dir}/x", "{log_dir}/x", "{runtime_dir}/x"] {
        assert_eq!(
            path_of(template, &ann),
            Ok("/data/state/x".into()),
            "{template}"
        );
    }
}

#[test]
fn xdg_directories_need_no_home() {
    let homeless = Surroundings {
        home_of: |_| Err(io::ErrorKind::Other.into()),
        ..ann_with(&[("XDG_STATE_HOME", "/s"), ("XDG_RUNTIME_DIR", "/r")])
    };
    assert_eq!(path_of("{log_dir}/x", &homeless), Ok("/s/x".into()));
    assert_eq!(path_of("{runtime_dir}/x", &homeless), Ok("/r/x".into()));
}

#[test]
fn a_user_without_a_home_is_told_which_variables_would_help() {
    let homeless = Surroundings { uid: 4711, ..ann() };
    let reasons = [
        ("{home}/x", "HOME is not set to an absolute path"),
        (
            "{log_dir}/x",
            "none of XDG_STATE_HOME, HOME is an absolute path",
        ),
        (
            "{runtime_dir}/x",
            "none of XDG_RUNTIME_DIR, XDG_STATE_HOME, HOME is an absolute path",
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
fn a_user_database_that_fails_says_why() {
    let unknown = Surroundings {
        home_of: |_| Err(io::Error::other("no route to the directory")),
        ..ann()
    };
    let expected = "cannot use the path {home}/x: no value for {home}: \
                    HOME is not set to an absolute path, and the home directory of user 1000 \
                    cannot be looked up: no route to the directory";
    assert_eq!(path_of("{home}/x", &unknown), fails(78, expected));
}

#[test]
fn an_entry_without_an_absolute_home_is_no_home() {
    let empty = Surroundings {
        home_of: |_| Ok(Some("".into())),
        ..ann()
    };
    assert_eq!(
        path_of("{home}/x", &empty).map_err(|(status, _)| status),
        Err(78)
    );
}

#[test]
fn an_environment_that_is_not_trusted_decides_nothing() {
    let privileged = Surroundings {
        environment: None,
        ..ann()
    };
    let expected = Ok("/home/ann/.local/state/x".into());
    assert_eq!(path_of("{runtime_dir}/x", &privileged), expected);
    assert_eq!(path_of("{home}/x", &privileged), Ok("/home/ann/x".into()));

    let homeless = Surroundings {
        uid: 4711,
        ..privileged
    };
    let expected = "cannot use the path {home}/x: no value for {home}: \
                    HOME is not trusted in a privileged program, \
                    and user 4711 has no home directory";
    assert_eq!(path_of("{home}/x", &homeless), fails(78, expected));
}

#[test]
fn this_process_reads_its_environment_only_if_it_is_trusted() {
    let argv0 = OsStr::new("hello");
    let trusting = Surroundings::of_this_process(argv0, true);
    assert!(trusting.environment.is_some());
    let privileged = Surroundings::of_this_process(argv0, false);
    assert!(privileged.environment.is_none());
}

#[test]
fn relative_paths_are_resolved_against_the_start_directory() {
    let paths = [
        ("x.pid", "/start/x.pid"),
        ("./x.pid", "/start/x.pid"),
        ("../x.pid", "/start/../x.pid"),
        ("logs/{name}.log", "/start/logs/hello.log"),
    ];
    for (template, path) in paths {
        assert_eq!(path_of(template, &ann()), Ok(path.into()), "{template}");
    }
    assert_eq!(path_of(PathBuf::from("x"), &ann()), Ok("/start/x".into()));
}

#[test]
fn a_start_directory_that_is_gone_matters_only_to_relative_paths() {
    let lost = Surroundings {
        start_dir: Err(nix::errno::Errno::ENOENT.into()),
        ..ann()
    };
    assert_eq!(path_of("/run/x", &lost), Ok("/run/x".into()));
    let expected = "cannot find the start directory for the relative path x: \
                    No such file or directory";
    assert_eq!(path_of("x", &lost), fails(73, expected));
}

#[test]
fn a_path_that_no_file_can_have_is_refused() {
    for (object, name) in [
        (Object::PidFile, "PID file"),
        (Object::Log, "log"),
        (Object::Root, "root directory"),
        (Object::Workdir, "working directory"),
    ] {
        for source in [PathSource::from(""), PathSource::from_fn(|| "")] {
            let refused = resolve(object, source, &ann())
                .map_err(|error| (error.exit_status(), error.to_string()));
            let expected = format!("cannot use the path of the {name}: it is empty");
            assert_eq!(refused, Err((78, expected)));
        }
    }
    let nul = fails(78, "cannot use the path /a\\u{0}b: it holds a NUL byte");
    assert_eq!(path_of(PathBuf::from("/a\0b"), &ann()), nul);
}

#[test]
fn directories_are_created_only_for_paths_with_placeholders() {
    let none: [PathBuf; 0] = [];
    assert_eq!(directories_of("/a/b/x.pid", &ann()), none);
    assert_eq!(directories_of("/a/{{b}}/x.pid", &ann()), none);
    let name = directories_of("/a/{name}/x.pid", &ann());
    assert_eq!(name, [PathBuf::from("/a/hello")]);
}

#[test]
fn directories_are_what_the_placeholder_stands_for_and_the_last_one() {
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
fn a_directory_is_its_own_last_directory() {
    let workdir = resolve(Object::Workdir, "/srv/{name}".into(), &ann());
    let directories = workdir.map_or(Vec::new(), |resolved| resolved.to_create);
    assert_eq!(directories, [PathBuf::from("/srv/hello")]);
}

/// An empty directory, removed at the end of the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(test: &str) -> io::Result<Self> {
        let name = format!("daemon-core-{}-{test}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    fn user(&self) -> Surroundings {
        let scratch = self.0.clone();
        Surroundings {
            environment: Some(Box::new(move |variable| match variable {
                "HOME" => Some(scratch.clone().into()),
                _ => None,
            })),
            ..ann()
        }
    }

    fn create(&self, template: &'static str) -> Result<PathBuf, (u8, String)> {
        resolve(Object::Log, template.into(), &self.user())
            .and_then(|resolved| {
                resolved.create_directories(None)?;
                Ok(resolved.into_path())
            })
            .map_err(|error| (error.exit_status(), error.to_string()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

mod on_disk {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};

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
    fn a_file_in_the_place_of_a_directory_is_refused() -> io::Result<()> {
        let home = Scratch::new("file")?;
        fs::write(home.0.join("d"), "")?;
        let expected = format!(
            "cannot create the directory {}/d: something else has that name",
            home.0.display()
        );
        assert_eq!(home.create("{home}/d/x.log"), Err((73, expected)));
        Ok(())
    }

    #[test]
    fn a_link_that_the_user_made_is_followed() -> io::Result<()> {
        let home = Scratch::new("own-link")?;
        fs::create_dir(home.0.join("dotfiles"))?;
        symlink("dotfiles", home.0.join(".local"))?;
        assert!(home.create("{log_dir}/x.log").is_ok());
        assert_eq!(mode(&home.0.join("dotfiles/state"))?, 0o700);
        Ok(())
    }

    #[test]
    fn a_link_to_nowhere_creates_nothing_there() -> io::Result<()> {
        let home = Scratch::new("dangling")?;
        symlink("nowhere", home.0.join("d"))?;
        assert_eq!(home.create("{home}/d/x").map_err(|it| it.0), Err(73));
        assert!(!home.0.join("nowhere").exists());
        Ok(())
    }

    #[test]
    fn a_link_that_somebody_else_planted_is_refused() -> io::Result<()> {
        // Only root can make a link of somebody else's.
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
    fn starts_at_the_same_moment_create_the_same_directories() -> io::Result<()> {
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

    #[test]
    fn the_runtime_directory_of_a_login_is_found_without_the_variable_if_it_is_ours()
    -> io::Result<()> {
        let run_user = Scratch::new("run-user")?;
        let us = run_user.0.metadata()?.uid();
        let is_root = us == 0;
        let uid = if is_root { 1000 } else { us };
        let user = Surroundings {
            uid,
            home_of: |_| Ok(Some("/home/ann".into())),
            runtime_dirs: run_user.0.clone(),
            ..ann()
        };
        let state = Ok("/home/ann/.local/state/x".into());
        assert_eq!(path_of("{runtime_dir}/x", &user), state, "missing");

        let directory = run_user.0.join(uid.to_string());
        fs::create_dir(&directory)?;
        if is_root {
            assert_eq!(path_of("{runtime_dir}/x", &user), state, "not ours");
            lchown(&directory, Some(uid), None)?;
        }
        let expected = Ok(directory.join("x"));
        assert_eq!(path_of("{runtime_dir}/x", &user), expected);
        Ok(())
    }
}
