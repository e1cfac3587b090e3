//! What is true of every option in the table.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::with_options;
use crate::check::EXCLUSIVE;
use crate::option_table::{BUILDER_ONLY, CONFIGURE, CRATE, OPTIONS, OptionSpec};
use crate::value::facility::FACILITIES;
use crate::value::flag::RESERVED;
use crate::value::readiness::MODES;
use crate::value::words::VERBS;

fn usages() -> impl Iterator<Item = (&'static OptionSpec, String)> {
    OPTIONS.iter().map(|option| (option, option.usage()))
}

#[test]
fn every_usage_is_accepted() {
    // All at once, because some need others, but for those that exclude each other.
    for excluded in [0, 1].map(|index| EXCLUSIVE.map(|pair| pair[index])) {
        let usages = usages().filter(|(option, _)| !excluded.contains(&option.name));
        let (options, usages): (Vec<_>, Vec<_>) = usages.unzip();
        // A log that is rotated belongs to one instance.
        let usages = usages.join(", ").replace("name.log", "{instance}.log");
        let output = with_options(&usages);
        assert!(!output.contains("compile_error"), "{output}");
        for option in options.iter().filter(|option| option.name != CRATE) {
            let call = format!(" {} (", option.name);
            assert!(output.contains(&call), "{output}");
        }
    }
}

#[test]
fn unknown_option_lists_every_option() {
    let names = OPTIONS.iter().map(|option| format!("`{}`", option.name));
    let names = names.collect::<Vec<_>>().join(", ");
    let expected = format!("unknown option `colour`; expected one of {names}");
    let output = with_options("colour = \"red\"");
    assert!(output.contains(&expected), "{output}");
}

#[test]
fn misspelled_option_is_corrected() {
    for (option, usage) in usages() {
        let output = with_options(&format!("x{usage}"));
        let name = option.name;
        let expected = format!("unknown option `x{name}`; did you mean `{name}`?");
        assert!(output.contains(&expected), "{output}");
    }
}

#[test]
fn name_of_another_program_is_corrected() {
    for (option, others) in [
        ("background_flag", "background daemon_flag detach_flag flag"),
        ("foreground_flag", "foreground"),
        ("instance_flag", "instance_name"),
        ("pid", "pidfile pid_file lock PID"),
        ("log", "logfile log_file output stdout stderr"),
        ("log_reopen", "reopen"),
        ("log_rotate", "rotate log_size max_size"),
        ("log_keep", "keep rotate_keep"),
        ("syslog", "facility"),
        ("ready_timeout", "timeout wait"),
        ("control_flag", "signal"),
        ("restart", "respawn supervise"),
        ("restart_delay", "backoff"),
        ("restart_limit", "max_restarts"),
        (
            "workdir",
            "cwd chdir directory working_dir working_directory",
        ),
        ("umask", "mask"),
        ("env_remove", "unset"),
        ("user", "uid"),
        ("group", "gid"),
    ] {
        for other in others.split(' ') {
            let output = with_options(&format!("{other} = 1"));
            let expected = format!("unknown option `{other}`; did you mean `{option}`?");
            assert!(output.contains(&expected), "{output}");
        }
    }
}

#[test]
fn constant_is_a_value_of_most_options() {
    for (option, _) in usages() {
        let name = option.name;
        // `configure` may set what another option needs.
        let configure = if name == CONFIGURE {
            ""
        } else {
            ", configure = f"
        };
        let output = with_options(&format!("{name} = config::VALUE{configure}"));
        // Flags and addresses are compared with each other.
        let is_literal = name.ends_with("_flag") || name == "listen";
        let takes = format!("option `{name}` takes ");
        assert_eq!(output.contains(&takes), is_literal, "{output}");
        assert!(is_literal || output.contains("config :: VALUE"), "{output}");
    }
}

#[test]
fn duplicate_option_is_refused() {
    for (option, usage) in usages() {
        let output = with_options(&format!("{usage}, {usage}"));
        let expected = format!("duplicate option `{}`", option.name);
        assert!(output.contains(&expected), "{output}");
    }
}

#[test]
fn wrong_type_shows_the_usage() {
    for (option, usage) in usages() {
        let wrong = if usage.ends_with("true") { "5" } else { "true" };
        let output = with_options(&format!("{} = {wrong}", option.name));
        let usage = usage.replace('"', r#"\""#);
        let expected = format!("option `{}` takes {}", option.name, option.kind.takes);
        assert!(output.contains(&expected), "{output}");
        assert!(output.contains(&format!(": `{usage}`")), "{output}");
    }
}

#[test]
fn missing_value_shows_the_usage() {
    for (option, usage) in usages() {
        let usage = usage.replace('"', r#"\""#);
        for half in ["", " =", "()"] {
            let output = with_options(&format!("{}{half}", option.name));
            assert!(output.contains(&format!(": `{usage}`")), "{output}");
        }
    }
}

#[test]
fn alias_is_not_an_option() {
    for alias in OPTIONS.iter().flat_map(|option| option.aliases) {
        assert!(
            OPTIONS.iter().all(|option| option.name != *alias),
            "{alias}"
        );
    }
}

#[test]
fn options_are_the_methods_of_the_builder() {
    let options = OPTIONS.iter().map(|option| option.name);
    let options = options.filter(|name| *name != CRATE);
    let expected: BTreeSet<_> = options.chain(BUILDER_ONLY.iter().copied()).collect();
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../daemon-core/src");
    let mut files = Vec::new();
    source_files(&core, &mut files);
    let is_stub = |file: &PathBuf| {
        file.strip_prefix(&core)
            .is_ok_and(|it| it.with_extension("").starts_with("unsupported"))
    };
    let (stubs, files): (Vec<_>, Vec<_>) = files.into_iter().partition(is_stub);
    assert_eq!(builder_methods(&files), expected);
    // On a system without daemons.
    let mut files = stubs;
    files.push(core.join("daemon.rs"));
    source_files(&core.join("daemon"), &mut files);
    assert_eq!(builder_methods(&files), expected);
}

#[test]
fn words_are_those_of_the_library() {
    use daemon::__private as library;

    assert_eq!(VERBS.to_vec(), library::verbs().collect::<Vec<_>>());
    assert_eq!(
        MODES.to_vec(),
        library::readiness_modes().collect::<Vec<_>>()
    );
    assert_eq!(RESERVED, library::RESERVED_FLAGS);
    let facilities = library::FACILITIES.into_iter().filter(|name| *name != "-");
    assert_eq!(FACILITIES.to_vec(), facilities.collect::<Vec<_>>());
}

fn source_files(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            source_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The methods that take a `Daemon` and return it.
fn builder_methods(files: &[PathBuf]) -> BTreeSet<&'static str> {
    let mut methods = BTreeSet::new();
    for file in files {
        let source = fs::read_to_string(file).expect("a source file").leak();
        for block in source.split("\nimpl Daemon {\n").skip(1) {
            let block = block.split("\n}\n").next().unwrap_or_default();
            for method in block.split("\n    pub fn ").skip(1) {
                let signature = method.split('{').next().unwrap_or_default();
                let name = signature.split(['(', '<']).next().unwrap_or_default();
                if signature.contains("self") && signature.contains("-> Self") {
                    methods.insert(name);
                }
            }
        }
    }
    methods
}
