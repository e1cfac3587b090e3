//! "Did you mean": the nearest known word.

/// The candidate that `written` is most likely a misspelling of.
///
/// Case, dashes and underscores are not counted. A third of the letters may be wrong, as in
/// `rustc`.
pub(crate) fn nearest<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let written = letters(written);
    let allowed = (written.len() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&written, &letters(candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn letters(word: &str) -> Vec<char> {
    word.chars()
        .filter(|letter| !matches!(letter, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// The number of insertions, deletions, replacements and swaps of neighbours between two words.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut rows = vec![(0..=to.len()).collect::<Vec<_>>()];
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn one_slip_is_corrected() {
        let words = ["pid", "notify", "background_flag"];
        assert_eq!(nearest("pidd", words), Some("pid"));
        assert_eq!(nearest("notfiy", words), Some("notify"));
        assert_eq!(nearest("PID", words), Some("pid"));
        assert_eq!(nearest("backgroundflag", words), Some("background_flag"));
    }

    #[test]
    fn another_word_is_not_corrected() {
        assert_eq!(nearest("colour", ["pid", "log", "control_flag"]), None);
        assert_eq!(nearest("", ["pid"]), None);
    }
}
