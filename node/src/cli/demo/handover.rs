//! [`Handovers`]: how long stations held messages, from their `/metrics`, as a Prometheus server
//! would keep it: across restarts, at which a station's own counts begin anew.

use std::collections::BTreeMap;
use std::time::Duration;

use yizhan_schemas::Code;

/// The histogram: from being taken here to being durable there, by link.
const BUCKET: &str = "yizhan_handover_seconds_bucket{";

/// Counts below an upper bound, by that bound.
type Buckets = BTreeMap<Bound, u64>;

/// The upper bound of a bucket, in nanoseconds; `None` for the last, which has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Bound(u128);

const ENDLESS: Bound = Bound(u128::MAX);

/// One link of one station.
#[derive(Debug, Clone, Default)]
struct Series {
    /// Of earlier lives of the station.
    before: Buckets,
    /// As last read.
    last: Buckets,
}

/// What was read so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Handovers(BTreeMap<(Code, String), Series>);

impl Handovers {
    /// Takes a page of a station.
    pub(super) fn read(&mut self, station: &Code, page: &str) {
        let mut links: BTreeMap<String, Buckets> = BTreeMap::new();
        for line in page.lines() {
            if let Some((link, bound, count)) = bucket(line) {
                links.entry(link).or_default().insert(bound, count);
            }
        }
        for (link, buckets) in links {
            let series = self.0.entry((station.clone(), link)).or_default();
            if buckets.get(&ENDLESS) < series.last.get(&ENDLESS) {
                add(&mut series.before, &series.last);
            }
            series.last = buckets;
        }
    }

    /// The time within which a share of the messages was handed over, on one link of each of
    /// these stations taken together; between the bounds of a bucket it is guessed.
    pub(super) fn quantile<'a>(
        &self,
        stations: impl IntoIterator<Item = &'a Code>,
        link: &str,
        share: f64,
    ) -> Option<Duration> {
        let mut all = Buckets::new();
        for station in stations {
            if let Some(series) = self.0.get(&(station.clone(), link.to_owned())) {
                add(&mut all, &series.before);
                add(&mut all, &series.last);
            }
        }
        let total = *all.get(&ENDLESS).filter(|total| **total > 0)?;
        let rank = share * total as f64;
        let (mut below, mut from) = (0, 0);
        for (bound, count) in all {
            if count as f64 >= rank && count > below {
                let part = (rank - below as f64) / (count - below) as f64;
                let until = if bound == ENDLESS { from } else { bound.0 };
                let nanos = from as f64 + part * (until - from) as f64;
                return Some(Duration::from_nanos(nanos as u64));
            }
            (below, from) = (count, bound.0);
        }
        None
    }
}

fn add(to: &mut Buckets, more: &Buckets) {
    for (bound, count) in more {
        *to.entry(*bound).or_default() += count;
    }
}

/// Link, bound and count of one line, as in `…_bucket{link="up",le="0.5"} 12`.
fn bucket(line: &str) -> Option<(String, Bound, u64)> {
    let (labels, count) = line.strip_prefix(BUCKET)?.rsplit_once("} ")?;
    let label = |name: &str| {
        let rest = labels.split(',').find_map(|label| label.strip_prefix(name))?;
        Some(rest.strip_prefix("=\"")?.strip_suffix('"')?.to_owned())
    };
    let bound = match label("le")?.as_str() {
        "+Inf" => ENDLESS,
        seconds => Bound(Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?.as_nanos()),
    };
    Some((label("link")?, bound, count.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Code {
        Code::parse(text).unwrap()
    }

    fn page(link: &str, counts: [u64; 4]) -> String {
        let line = |(le, count)| {
            format!("yizhan_handover_seconds_bucket{{link=\"{link}\",le=\"{le}\"}} {count}")
        };
        let lines = ["0.01", "0.1", "1", "+Inf"].into_iter().zip(counts).map(line);
        let lines: Vec<String> = lines.collect();
        format!("# TYPE yizhan_handover_seconds histogram\n{}\nother 3\n", lines.join("\n"))
    }

    #[test]
    fn quantiles_are_found_between_the_bounds_of_a_bucket() {
        let (village, mut all) = (code("1.1.1"), Handovers::default());
        all.read(&village, &page("up", [50, 90, 100, 100]));
        let ms = |share| all.quantile([&village], "up", share).unwrap().as_secs_f64() * 1e3;
        assert!((ms(0.5) - 10.0).abs() < 1e-6);
        assert!((ms(0.7) - 55.0).abs() < 1e-6);
        assert!((ms(0.99) - 910.0).abs() < 1e-6);
        assert_eq!(all.quantile([&village], "inbox", 0.5), None);
    }

    #[test]
    fn what_a_station_counted_before_it_was_killed_is_kept() {
        let (one, other, mut all) = (code("1.1"), code("1.2"), Handovers::default());
        all.read(&one, &page("up", [100, 100, 100, 100]));
        all.read(&other, &page("up", [0, 0, 100, 100]));
        // the first was restarted
        all.read(&one, &page("up", [0, 0, 0, 0]));
        all.read(&one, &page("up", [10, 10, 10, 10]));
        let median = all.quantile([&one, &other], "up", 0.5).unwrap();
        assert!(median < Duration::from_millis(10), "{median:?}");
        let last = all.quantile([&one, &other], "up", 1.0).unwrap();
        assert_eq!(last, Duration::from_secs(1));
    }

    #[test]
    fn beyond_the_last_bound_nothing_is_guessed() {
        let (one, mut all) = (code("1"), Handovers::default());
        all.read(&one, &page("inbox", [0, 0, 0, 5]));
        assert_eq!(all.quantile([&one], "inbox", 0.5), Some(Duration::from_secs(1)));
    }
}
