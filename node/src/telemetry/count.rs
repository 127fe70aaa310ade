//! [`Counts`]: counters from durable records, gauges from the station's view.

use std::collections::BTreeMap;

use metrics::{counter, gauge};
use yizhan_core::link::Link;
use yizhan_core::record::Record;
use yizhan_core::station::View;
use yizhan_schemas::Lane;

use crate::driver::Observer;

/// Counts what became durable.
#[derive(Debug, Default)]
pub struct Counts {
    acked: BTreeMap<(Link, Lane), u64>,
}

impl Observer for Counts {
    fn committed(&mut self, records: &[Record]) {
        for record in records {
            match record {
                Record::Put(put) => {
                    let header = put.envelope.header();
                    let lane = header.lane.word();
                    match &put.via {
                        None => {
                            let family = header.kind.family().to_owned();
                            counter!("yizhan_accepted_total", "lane" => lane, "family" => family)
                                .increment(1);
                        }
                        Some(via) => {
                            let link = via.link.word().to_owned();
                            counter!("yizhan_custody_in_total", "lane" => lane, "link" => link)
                                .increment(1);
                        }
                    }
                }
                Record::HandedOver(at) => self.handed_over(&at.link, at.lane, at.through),
                Record::Rewound(at) => {
                    self.acked.insert((at.link.clone(), at.lane), at.through);
                }
                _ => {}
            }
        }
    }
}

impl Counts {
    /// Counts on from what was handed over before this start.
    pub fn from_view(view: &yizhan_core::kept::Kept) -> Self {
        let mut acked = BTreeMap::new();
        for (link, lanes) in &view.outbound {
            for (lane, owed) in lanes.iter() {
                acked.insert((link.clone(), lane), owed.acked);
            }
        }
        Self { acked }
    }

    fn handed_over(&mut self, link: &Link, lane: Lane, through: u64) {
        let before = self.acked.entry((link.clone(), lane)).or_default();
        let legs = through.saturating_sub(*before);
        *before = through.max(*before);
        if *link == Link::Inbox {
            counter!("yizhan_delivered_total").increment(legs);
        } else {
            let (link, lane) = (link.word().to_owned(), lane.word());
            counter!("yizhan_custody_out_total", "lane" => lane, "link" => link).increment(legs);
        }
    }
}

/// Sets the gauges of a view.
pub fn gauges(view: &View) {
    for link in &view.links {
        let word = link.link.word().to_owned();
        gauge!("yizhan_link_up", "link" => word.clone()).set(if link.up { 1.0 } else { 0.0 });
        for (lane, legs) in link.backlog.iter() {
            let labels = [("link", word.clone()), ("lane", lane.word().to_owned())];
            gauge!("yizhan_backlog_messages", &labels).set(*legs as f64);
            let oldest_us = link.oldest_us.get(lane).filter(|_| *legs > 0).unwrap_or(0);
            gauge!("yizhan_backlog_oldest_seconds", &labels).set(oldest_us as f64 / 1e6);
        }
    }
}
