//! Expansions to review: each file contains a function and, below a line, its expansion. With
//! `UPDATE_EXPANSIONS` in the environment the test writes the files.

use std::fs;
use std::path::Path;
use std::ptr;

use super::expand;
use crate::option_table::OPTIONS;

const LINE: &str = "\n// expands to\n\n";

#[test]
fn expansions_match_their_files() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/expansions");
    let update = std::env::var_os("UPDATE_EXPANSIONS").is_some();
    for entry in fs::read_dir(directory).expect("the directory exists") {
        let path = entry.expect("it can be read").path();
        let case = fs::read_to_string(&path).expect("it is text");
        let written = case.split(LINE).next().unwrap_or_default();
        let output = syn::parse2(expand(written)).expect("it is a program");
        let expanded = format!("{written}{LINE}{}", prettyplease::unparse(&output));
        if update {
            fs::write(&path, expanded).expect("it can be written");
        } else {
            assert_eq!(case, expanded, "{}", path.display());
        }
    }
}

#[test]
fn every_kind_of_value_has_an_expansion() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/expansions");
    let cases = fs::read_dir(directory).expect("the directory exists");
    let cases = cases.map(|entry| fs::read_to_string(entry.expect("it can be read").path()));
    let cases = cases.collect::<Result<String, _>>().expect("it is text");
    let is_shown = |name: &str| cases.contains(&format!("\n    {name} = "));
    for option in OPTIONS {
        let mut same = OPTIONS.iter().filter(|it| ptr::eq(it.kind, option.kind));
        assert!(same.any(|it| is_shown(it.name)), "{}", option.name);
    }
}
