//! Markdown tables, aligned so that they read as plain text too.

use std::fmt;
use std::time::Duration;

/// A table under construction.
#[derive(Debug)]
pub(crate) struct Table {
    /// The first is the headings.
    rows: Vec<Vec<String>>,
    aligned_right: Vec<bool>,
}

impl Table {
    /// A heading that ends with a colon makes a column of numbers, aligned to the right.
    pub(crate) fn new(headings: &[&str]) -> Self {
        Self {
            aligned_right: headings
                .iter()
                .map(|heading| heading.ends_with(':'))
                .collect(),
            rows: vec![
                headings
                    .iter()
                    .map(|heading| heading.trim_end_matches(':').to_owned())
                    .collect(),
            ],
        }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut cells: Vec<_> = cells.into_iter().collect();
        cells.resize(self.aligned_right.len(), String::new());
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<usize> = (0..self.aligned_right.len())
            .map(|column| {
                self.rows
                    .iter()
                    .map(|row| row[column].chars().count())
                    .max()
                    .unwrap_or(0)
                    .max(3)
            })
            .collect();
        for (number, row) in self.rows.iter().enumerate() {
            for ((cell, &width), &right) in row.iter().zip(&widths).zip(&self.aligned_right) {
                if right {
                    write!(f, "| {cell:>width$} ")?;
                } else {
                    write!(f, "| {cell:<width$} ")?;
                }
            }
            writeln!(f, "|")?;
            if number == 0 {
                for (&width, &right) in widths.iter().zip(&self.aligned_right) {
                    write!(
                        f,
                        "| {:-<1$}{2} ",
                        "",
                        width - 1,
                        if right { ':' } else { '-' }
                    )?;
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}

/// Microseconds, or a dash.
pub(crate) fn micros(duration: Option<Duration>) -> String {
    duration.map_or_else(dash, |duration| {
        format!("{:.0}", duration.as_secs_f64() * 1e6)
    })
}

/// How often `base` goes into `duration`, or a dash.
pub(crate) fn ratio(duration: Option<Duration>, base: Option<Duration>) -> String {
    match (duration, base) {
        (Some(duration), Some(base)) => {
            format!("{:.2}", duration.as_secs_f64() / base.as_secs_f64())
        }
        _ => dash(),
    }
}

/// An empty cell.
pub(crate) fn dash() -> String {
    "-".to_owned()
}
