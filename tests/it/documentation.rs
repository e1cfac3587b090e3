//! The README and the chapters are pages of the repository and of the crate's documentation, and
//! their links lead somewhere in both.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

const PAGES: [&str; 7] = [
    "README.md",
    "SECURITY.md",
    "docs/adding.md",
    "docs/compared.md",
    "docs/how-it-works.md",
    "docs/readiness.md",
    "docs/service-managers.md",
];

/// What is defined at the end of a page: labels, and where they lead.
fn definitions(page: &str) -> io::Result<Vec<(String, String)>> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page))?;
    let lines = text.lines().filter(|line| line.starts_with('['));
    let pairs = lines.filter_map(|line| line.split_once("]: "));
    Ok(pairs
        .map(|(label, target)| (label.to_owned(), target.to_owned()))
        .collect())
}

#[test]
fn every_link_of_a_page_leads_somewhere_in_the_documentation_too() -> io::Result<()> {
    let known = definitions("src/links.md")?.into_iter();
    let known: BTreeSet<String> = known.map(|(label, _)| label).collect();
    for page in PAGES {
        for (label, _) in definitions(page)? {
            assert!(known.contains(&label), "{page}: {label}]");
        }
    }
    Ok(())
}

#[test]
fn no_page_links_to_a_file_that_is_not_there() -> io::Result<()> {
    for page in PAGES {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
        let text = fs::read_to_string(&page)?;
        assert!(!text.contains("](crate::"), "{}", page.display());
    }
    for (_, target) in definitions("README.md")? {
        let is_file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(&target)
            .is_file();
        assert!(
            is_file || target.starts_with("https://docs.rs/"),
            "{target}"
        );
    }
    Ok(())
}
