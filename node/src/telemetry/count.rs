//! [`Counts`]: counters from durable records, gauges from the station's view.

use std::collections::BTreeMap;

use metrics::{counter, gauge};
use yizhan_core::kept::Kept;
use yizhan_core::link::Link;
use yizhan_core::outbound::Tally;
use yizhan_core::record::{Put, Record};
use yizhan_core::station::View;
use yizhan_schemas::{Lane, Outcome};

use crate::driver::Observer;

/// Counts what became durable.
#[derive(Debug)]
pub struct Counts {
    acked: BTreeMap<(Link, Lane), u64>,
    /// Runs of legs that ended and are not acked yet: handed over they are not.
    ended: BTreeMap<(Link, Lane), Vec<(u64, u64)>>,
}

impl Observer for Counts {
    fn committed(&mut self, _: u64, records: &[Record]) {
        let mut taken: BTreeMap<Taken<'_>, u64> = BTreeMap::new();
        for record in records {
            match record {
                Record::Put(put) => *taken.entry(Taken::of(put)).or_default() += 1,
                Record::HandedOver(at) => self.handed_over(&at.link, at.lane, at.through),
                Record::Rewound(at) => {
                    self.acked.insert((at.link.clone(), at.lane), at.through);
                }
                Record::Ended(run) => {
                    let runs = self.ended.entry((run.link.clone(), run.lane)).or_default();
                    runs.push((run.from, run.through));
                }
                _ => {}
            }
        }
        for (of, messages) in taken {
            of.count(messages);
        }
    }
}

/// What taken messages are counted by.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Taken<'a> {
    /// From a publisher: lane and family.
    Accepted(&'static str, &'a str),
    /// From a neighbour: lane and link.
    In(&'static str, &'a str),
}

impl<'a> Taken<'a> {
    fn of(put: &'a Put) -> Self {
        let header = put.envelope.header();
        let lane = header.lane.word();
        match &put.via {
            None => Self::Accepted(lane, header.kind.family()),
            Some(via) => Self::In(lane, via.link.word()),
        }
    }

    fn count(self, messages: u64) {
        match self {
            Self::Accepted(lane, family) => {
                let family = family.to_owned();
                counter!("yizhan_accepted_total", "lane" => lane, "family" => family)
                    .increment(messages);
            }
            Self::In(lane, link) => {
                let link = link.to_owned();
                counter!("yizhan_custody_in_total", "lane" => lane, "link" => link)
                    .increment(messages);
            }
        }
    }
}

impl Counts {
    /// Counts on from what was handed over before this start.
    pub fn on_from(kept: Option<&Kept>) -> Self {
        let (mut acked, ended) = (BTreeMap::new(), BTreeMap::new());
        for (link, lanes) in kept.iter().flat_map(|kept| &kept.outbound) {
            for (lane, owed) in lanes.iter() {
                acked.insert((link.clone(), lane), owed.acked);
            }
        }
        Self { acked, ended }
    }

    fn handed_over(&mut self, link: &Link, lane: Lane, through: u64) {
        let legs = self.legs(link, lane, through);
        if *link == Link::Inbox {
            counter!("yizhan_delivered_total").increment(legs);
        } else {
            let (link, lane) = (link.word().to_owned(), lane.word());
            counter!("yizhan_custody_out_total", "lane" => lane, "link" => link).increment(legs);
        }
    }

    /// How many legs went over to a neighbour since it last acked.
    fn legs(&mut self, link: &Link, lane: Lane, through: u64) -> u64 {
        let before = self.acked.entry((link.clone(), lane)).or_default();
        let legs = through.saturating_sub(*before);
        *before = through.max(*before);
        let runs = self.ended.get_mut(&(link.clone(), lane));
        let ended: u64 = runs.map_or(0, |runs| {
            let past = runs.extract_if(.., |(_, last)| *last <= through);
            past.map(|(first, last)| last - first + 1).sum()
        });
        legs.saturating_sub(ended)
    }
}

/// Sets the gauges of how full the spool is.
pub fn room(held_bytes: u64, max_bytes: u64) {
    gauge!("yizhan_spool_held_bytes").set(held_bytes as f64);
    gauge!("yizhan_spool_max_bytes").set(max_bytes as f64);
}

/// Sets the gauge of the spool's volume.
pub fn volume(free_bytes: u64) {
    gauge!("yizhan_disk_free_bytes").set(free_bytes as f64);
}

/// Sets the gauges of a view, and the counters that it keeps since the store was made.
pub fn gauges(view: &View) {
    for (outcome, pairs) in Outcome::ALL.into_iter().zip(view.outcomes) {
        counter!("yizhan_outcomes_total", "outcome" => outcome.word()).absolute(pairs);
    }
    let governed = &view.governed;
    let matters = [("followed", governed.live), ("untouched", governed.untouched)];
    for (state, number) in matters {
        gauge!("yizhan_matters", "state" => state).set(number as f64);
    }
    gauge!("yizhan_parked_messages").set(governed.parked as f64);
    gauge!("yizhan_directives_awaited").set(view.awaited as f64);
    gauge!("yizhan_outcomes_open").set(view.outcomes_open as f64);
    for link in &view.links {
        gauge!("yizhan_notes_owed", "link" => link.link.word().to_owned())
            .set(link.notes_owed as f64);
        for lane in Lane::ALL {
            let labels = [("link", link.link.word().to_owned()), ("lane", lane.word().to_owned())];
            let Tally { taken, handed_over, ended } = *link.tally.get(lane);
            counter!("yizhan_legs_taken_total", &labels).absolute(taken);
            counter!("yizhan_legs_handed_over_total", &labels).absolute(handed_over);
            counter!("yizhan_legs_ended_total", &labels).absolute(ended);
            gauge!("yizhan_two_hop_messages", &labels).set(*link.two_hop.get(lane) as f64);
        }
        let word = link.link.word().to_owned();
        gauge!("yizhan_link_up", "link" => word.clone()).set(if link.up { 1.0 } else { 0.0 });
        gauge!("yizhan_link_full", "link" => word.clone()).set(if link.full { 1.0 } else { 0.0 });
        if let Some(rate) = link.rate {
            gauge!("yizhan_delivery_rate_bytes", "link" => word.clone()).set(rate as f64);
        }
        if let Some(ahead_ms) = link.clock_offset_ms {
            gauge!("yizhan_clock_offset_seconds", "link" => word.clone())
                .set(ahead_ms as f64 / 1e3);
        }
        for (lane, legs) in link.backlog.iter() {
            let labels = [("link", word.clone()), ("lane", lane.word().to_owned())];
            gauge!("yizhan_backlog_messages", &labels).set(*legs as f64);
            gauge!("yizhan_backlog_bytes", &labels).set(*link.backlog_bytes.get(lane) as f64);
            let oldest_us = link.oldest_us.get(lane).filter(|_| *legs > 0).unwrap_or(0);
            gauge!("yizhan_backlog_oldest_seconds", &labels).set(oldest_us as f64 / 1e6);
        }
    }
}

#[cfg(test)]
mod tests {
    use yizhan_core::record::{Cursor, Ended};
    use yizhan_schemas::frame::SkipReason;

    use super::*;

    #[test]
    fn legs_that_ended_and_legs_of_an_earlier_start_are_not_counted_as_handed_over() {
        let link = Link::Up;
        let lane = Lane::Routine;
        let mut counts = Counts { acked: [((link.clone(), lane), 100)].into(), ended: [].into() };
        let reason = SkipReason::Expired;
        let ended = Ended { link: link.clone(), lane, from: 102, through: 104, reason };
        counts.committed(1, &[Record::Ended(ended)]);
        assert_eq!(counts.legs(&link, lane, 103), 3, "cut in two, the run counts with its end");
        assert_eq!(counts.legs(&link, lane, 110), 4);
        let back = Cursor { link: link.clone(), lane, through: 108 };
        counts.committed(1, &[Record::Rewound(back)]);
        assert_eq!(counts.legs(&link, lane, 110), 2, "given twice, counted twice");
    }
}
