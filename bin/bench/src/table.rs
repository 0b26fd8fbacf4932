//! One table of figures: what, how often, median, 99th percentile.

use std::time::Duration;

/// Times of one thing that was measured several times.
#[derive(Debug, Default)]
pub struct Samples(Vec<Duration>);

impl Samples {
    /// One more.
    pub fn push(&mut self, time: Duration) {
        let place = self.0.partition_point(|other| *other <= time);
        self.0.insert(place, time);
    }

    /// The smallest time that so many per cent of all samples do not exceed (nearest rank); zero where there is none.
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }
}

/// The head of the table.
pub fn head(what: &str) {
    line(&[what, "n", "median ms", "p99 ms"]);
    line(&["---", "---", "---", "---"]);
}

/// One row of the table.
pub fn row(what: &str, samples: &Samples) {
    let (median, high) = (samples.percentile(50), samples.percentile(99));
    line(&[what, &samples.0.len().to_string(), &milliseconds(median), &milliseconds(high)]);
}

/// One line of a table in Markdown.
#[expect(clippy::print_stdout, reason = "the table is the result")]
pub fn line(cells: &[&str]) {
    println!("| {} |", cells.join(" | "));
}

/// To a tenth of a millisecond.
pub fn milliseconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_smallest_time_that_so_many_do_not_exceed() {
        let mut samples = Samples::default();
        assert_eq!(samples.percentile(50), Duration::ZERO);
        for number in [5, 1, 4, 2, 3] {
            samples.push(Duration::from_millis(number));
        }
        for (percent, expected) in [(0, 1), (20, 1), (21, 2), (50, 3), (99, 5), (100, 5)] {
            assert_eq!(samples.percentile(percent), Duration::from_millis(expected), "{percent}");
        }
    }
}
