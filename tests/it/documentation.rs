//! The README and the pages of `docs`: their links, and the sessions that they show.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::session::shell;

/// The README, SECURITY and every page of `docs`.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_dir(root.join("docs")).expect("the pages");
    let docs = docs.map(|entry| entry.expect("a page").path());
    let mut pages: Vec<_> = docs
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.extend(["README.md", "SECURITY.md"].map(|page| root.join(page)));
    assert!(pages.len() > 8, "{pages:?}");
    pages
}

fn read(page: &Path) -> String {
    fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()))
}

/// The definitions at the end of a page: labels, and their targets.
fn definitions(page: &Path) -> Vec<(String, String)> {
    let text = read(page);
    let lines = text.lines().filter(|line| line.starts_with('['));
    let pairs = lines.filter_map(|line| line.strip_prefix('[')?.split_once("]: "));
    pairs
        .map(|(label, target)| (label.to_owned(), target.to_owned()))
        .collect()
}

/// The labels that the text of a page uses, as in `[text][label]`.
fn used_labels(text: &str) -> BTreeSet<&str> {
    let uses = text.split("][").skip(1);
    uses.filter_map(|rest| Some(rest.split_once(']')?.0))
        .collect()
}

#[test]
fn links_of_the_pages_lead_to_files() {
    for page in pages() {
        let directory = page.parent().expect("a directory");
        let text = read(&page);
        assert!(!text.contains("](crate::"), "{}", page.display());
        let defined = definitions(&page);
        for (label, target) in &defined {
            let is_file = directory.join(target).is_file();
            assert!(is_file, "{}: [{label}]: {target}", page.display());
            let item = label.strip_suffix('`').and_then(|it| it.strip_prefix('`'));
            if let Some(item) = item {
                let name = item.rsplit("::").next().expect("a name");
                let name = name.trim_end_matches("()");
                let source = read(&directory.join(target));
                let declares = |word| source.contains(&format!("pub {word} {name}"));
                let is_there = ["fn", "struct", "enum"].into_iter().any(declares);
                assert!(is_there, "{}: no {item} in {target}", page.display());
            }
        }
        for label in used_labels(&text) {
            let is_defined = defined.iter().any(|(name, _)| name == label);
            assert!(is_defined, "{}: [{label}]", page.display());
        }
    }
}

/// rustdoc would hide such a line, and a reader of the file would see it.
#[test]
fn examples_of_the_pages_hide_no_line() {
    for page in pages() {
        let text = read(&page);
        for example in text.split("```rust").skip(1) {
            let example = example.split("```").next().unwrap_or_default();
            let hidden = example
                .lines()
                .find(|line| line.trim_start().starts_with("# "));
            assert_eq!(hidden, None, "{}", page.display());
        }
    }
}

#[test]
fn links_of_the_guide_lead_into_the_documentation() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let known: BTreeSet<String> = definitions(&root.join("src/links.md"))
        .into_iter()
        .map(|(label, _)| label)
        .collect();
    for page in pages() {
        if page.ends_with("README.md") {
            continue;
        }
        for (label, _) in definitions(&page) {
            assert!(known.contains(&label), "{}: [{label}]", page.display());
        }
    }
}

#[test]
fn guide_has_every_page() {
    let guide = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/guide.rs"));
    for page in pages() {
        let name = page.file_name().and_then(|name| name.to_str());
        let name = name.expect("UTF-8");
        assert!(name == "README.md" || guide.contains(name), "{name}");
    }
}

#[test]
fn lock_holder_is_found_as_the_page_says() {
    requires!(linux("the holder of a lock"));
    let scratch = Scratch::new();
    let launch = scratch.start("hello").arg("-d").run();
    let daemon = scratch.daemon_of(launch, "hello.pid");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/administration.md");
    let page = read(&page);
    let command = page.lines().find(|line| line.starts_with("grep -l "));
    let pid_file = scratch.path("hello.pid").display().to_string();
    let command = command
        .expect("the command")
        .replace("/run/hello.pid", &pid_file);
    let found = scratch.start_path(&shell()).args(["-c", &command]).run();
    let expected = format!("/proc/{}/fdinfo/", daemon.pid());
    assert!(found.out_text().starts_with(&expected), "{found:?}");
}

/// The README shows what `-d` prints on a terminal.
#[cfg(feature = "clap")]
#[test]
fn sessions_of_the_readme_are_true() {
    use crate::support::session::{Session, path_with};
    use crate::support::terminal::Terminal;

    requires!(linux("the sockets of another process"));
    let scratch = Scratch::new();
    let session = Session::of(&read(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"),
    ));
    let script = format!("{}kill $(cat hello.pid)\n", session.script());
    let path = path_with(&scratch, &["hello", "echo_server"]);
    let (mut terminal, tty) = Terminal::new();
    let shell = scratch.start_path(&shell()).args(["-c", &script]);
    shell
        .env("PATH", path)
        .env("TERM", "dumb")
        .on_terminal(tty)
        .run();
    let shown = terminal.read_to_end();
    session.expect(&shown, &scratch, "/home/you/.local/state");
    scratch.expect_nothing_left();
}
