//! Exact quantiles of what was measured.

use std::time::Duration;

/// Durations, to be sorted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample(Vec<Duration>);

impl Sample {
    pub(crate) fn push(&mut self, duration: Duration) {
        let place = self.0.partition_point(|other| *other <= duration);
        self.0.insert(place, duration);
    }

    /// The smallest measured value that at least `percent` of all values do not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Option<Duration> {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied()
    }

    pub(crate) fn median(&self) -> Option<Duration> {
        self.percentile(50)
    }
}

impl Extend<Duration> for Sample {
    fn extend<I: IntoIterator<Item = Duration>>(&mut self, durations: I) {
        durations
            .into_iter()
            .for_each(|duration| self.push(duration));
    }
}

impl FromIterator<Duration> for Sample {
    fn from_iter<I: IntoIterator<Item = Duration>>(durations: I) -> Self {
        let mut sorted: Vec<_> = durations.into_iter().collect();
        sorted.sort_unstable();
        Self(sorted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values() {
        let sample: Sample = (1..=10).rev().map(Duration::from_millis).collect();
        assert_eq!(sample.percentile(10), Some(Duration::from_millis(1)));
        assert_eq!(sample.median(), Some(Duration::from_millis(5)));
        assert_eq!(sample.percentile(90), Some(Duration::from_millis(9)));
        assert_eq!(sample.percentile(100), Some(Duration::from_millis(10)));
    }

    #[test]
    fn nothing_measured_has_no_median() {
        assert_eq!(Sample::default().median(), None);
    }
}
