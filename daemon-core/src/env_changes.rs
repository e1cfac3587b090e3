//! How the daemon's environment differs from the launcher's.

use std::ffi::{OsStr, OsString};

use crate::option_check;

/// The changes in the order in which they are made, as in [`std::process::Command`].
#[derive(Clone, Debug, Default)]
pub(crate) struct EnvChanges {
    clears: bool,
    /// A name with its value, or without one for a variable that is removed.
    changes: Vec<(OsString, Option<OsString>)>,
}

impl EnvChanges {
    pub(crate) fn set(&mut self, name: OsString, value: Option<OsString>) {
        self.changes.push((name, value));
    }

    /// Removes all variables, and those that were set before.
    pub(crate) fn clear(&mut self) {
        self.clears = true;
        self.changes.clear();
    }

    /// Adds changes that are made after these.
    pub(crate) fn extend(&mut self, later: Self) {
        self.changes.extend(later.changes);
    }

    /// Whether all variables of the launcher are removed.
    pub(crate) fn clears(&self) -> bool {
        self.clears
    }

    /// What becomes of each variable that is named: the last change counts.
    pub(crate) fn resulting(&self) -> impl Iterator<Item = (&OsStr, Option<&OsStr>)> {
        let is_last = |at: usize, name: &OsString| {
            let mut later = self.changes.iter().skip(at + 1);
            later.all(|(other, _)| other != name)
        };
        let last = self.changes.iter().enumerate();
        let last = last.filter(move |(at, (name, _))| is_last(*at, name));
        last.map(|(_, (name, value))| (name.as_os_str(), value.as_deref()))
    }

    /// Whether the variable is set or removed by its name.
    pub(crate) fn change(&self, name: &str) -> bool {
        self.changes.iter().any(|(changed, _)| changed == name)
    }

    /// What is wrong with one of them.
    pub(crate) fn complaint(&self) -> Option<&'static str> {
        self.changes.iter().find_map(|(name, value)| {
            let of_value = || option_check::variable_value(value.as_deref()?);
            option_check::variable(name).or_else(of_value)
        })
    }

    /// Changes entries of the form `NAME=value`.
    pub(crate) fn apply(&self, entries: &mut Vec<Vec<u8>>) {
        if self.clears {
            entries.clear();
        }
        for (name, value) in &self.changes {
            let prefix = [name.as_encoded_bytes(), b"="].concat();
            let name = name.as_encoded_bytes();
            // One without `=` has no value, and getenv(3) does not find it.
            entries.retain(|entry| !entry.starts_with(&prefix) && *entry != name);
            if let Some(value) = value {
                entries.push([&prefix, value.as_encoded_bytes()].concat());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::EnvChanges;

    fn changed(changes: &EnvChanges) -> String {
        let mut entries = ["A=1", "AB=2", "C=3=4", "E"].map(Vec::from).to_vec();
        changes.apply(&mut entries);
        String::from_utf8_lossy(&entries.join(&b' ')).into_owned()
    }

    #[test]
    fn variable_is_set_replaced_or_removed() {
        let mut changes = EnvChanges::default();
        assert_eq!(changed(&changes), "A=1 AB=2 C=3=4 E");
        changes.set("A".into(), None);
        changes.set("C".into(), Some("5".into()));
        changes.set("D".into(), Some("6".into()));
        changes.set("E".into(), None);
        assert_eq!(changed(&changes), "AB=2 C=5 D=6");
    }

    #[test]
    fn clear_removes_what_was_set_before() {
        let mut changes = EnvChanges::default();
        changes.set("D".into(), Some("6".into()));
        changes.clear();
        changes.set("E".into(), Some("7".into()));
        assert_eq!(changed(&changes), "E=7");
    }

    #[test]
    fn malformed_variable_is_a_complaint() {
        for (name, value, is_wrong) in [
            ("A", "1=2", false),
            ("", "1", true),
            ("A=B", "1", true),
            ("A\0", "1", true),
            ("A", "1\0", true),
        ] {
            let mut changes = EnvChanges::default();
            changes.set(name.into(), Some(value.into()));
            assert_eq!(changes.complaint().is_some(), is_wrong, "{name:?}");
        }
    }

    #[test]
    fn last_change_of_a_variable_counts() {
        let mut changes = EnvChanges::default();
        assert!(!changes.clears());
        changes.set("A".into(), Some("1".into()));
        changes.set("B".into(), Some("2".into()));
        let mut later = EnvChanges::default();
        later.set("A".into(), None);
        changes.extend(later);
        let (a, b) = ("A".as_ref(), "B".as_ref());
        let resulting: Vec<_> = changes.resulting().collect();
        assert_eq!(resulting, [(b, Some("2".as_ref())), (a, None)]);
        assert!(changes.change("A") && !changes.change("C"));
        changes.clear();
        assert!(changes.clears());
    }
}
