//! Figures of many samples.

use std::time::Duration;

/// The sample below which a share of all lie, milliseconds; 0 of none.
pub fn ms(samples: &[Duration], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let last = sorted.len().saturating_sub(1);
    let at = (share * last as f64).round() as usize;
    sorted.get(at.min(last)).map_or(0.0, |sample| sample.as_secs_f64() * 1e3)
}

/// The one in the middle; 0 of none.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_a_hundred_and_one_samples_are_their_places() {
        let samples: Vec<_> = (0..=100).rev().map(Duration::from_millis).collect();
        assert_eq!([ms(&samples, 0.0), ms(&samples, 0.5), ms(&samples, 0.99)], [0.0, 50.0, 99.0]);
        assert_eq!((ms(&[], 0.5), median(&[])), (0.0, 0.0));
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
    }
}
