//! [`Witness`]: deeds seen in durable records, in the core's notices, and at the counter where
//! publishers are answered.
//!
//! Reports and the like come by the thousand a second: of those there is a line for each window,
//! with their number and the first and last of them. What commands somebody has a line each.

use yizhan_core::effect::Notice;
use yizhan_core::link::Link;
use yizhan_core::record::{Put, Record};
use yizhan_schemas::payload::receipt::{Event, Note};
use yizhan_schemas::{Code, Kind, MessageId, Outcome};

use super::clerk::Audit;
use super::deed::{Count, Deed};
use crate::driver::Observer;

/// Families whose messages have a line each.
const EACH: [&str; 5] = ["directive", "broadcast", "video", "policy", "case"];

/// What messages that become one line have in common: event, person, sort.
type Sort = (&'static str, String, String);

/// Sees what happens to messages, and gathers what there is too much of until it is told to go on.
#[derive(Debug)]
pub struct Witness {
    audit: Audit,
    /// Few at a time, and the last one is the likeliest to be met again: no map is faster.
    gathered: Vec<(Sort, Gathered)>,
}

#[derive(Debug)]
struct Gathered {
    times: u64,
    first: MessageId,
    last: MessageId,
}

impl Witness {
    /// One that tells this log.
    pub fn new(audit: Audit) -> Self {
        Self { audit, gathered: Vec::new() }
    }

    /// A message was taken from somebody.
    pub fn message(&mut self, event: &'static str, who: &str, kind: &Kind, id: &MessageId) {
        if EACH.contains(&kind.family()) {
            let deed = Deed::done(event, who).of_sort(kind.as_str());
            return self.audit.note(deed.to(&id.to_string()).detail(kind.as_str()));
        }
        self.gather((event, who, kind.family()), id, id, 1);
    }

    /// Tells what was gathered.
    pub fn tell(&mut self) {
        for ((event, who, sort), Gathered { times, first, last }) in
            std::mem::take(&mut self.gathered)
        {
            let (first, last) = (Some(first.to_string()), Some(last.to_string()));
            self.audit.note(Deed::many(event, &who, &sort, Count { times, first, last }));
        }
    }

    fn gather(
        &mut self,
        (event, who, sort): (&'static str, &str, &str),
        first: &MessageId,
        last: &MessageId,
        times: u64,
    ) {
        let alike = |((e, w, s), _): &&mut (Sort, Gathered)| *e == event && w == who && s == sort;
        match self.gathered.iter_mut().rev().find(alike) {
            Some((_, gathered)) => {
                gathered.times += times;
                gathered.last = last.clone();
            }
            None => {
                let sort = (event, who.to_owned(), sort.to_owned());
                let (first, last) = (first.clone(), last.clone());
                self.gathered.push((sort, Gathered { times, first, last }));
            }
        }
    }

    fn put(&mut self, put: &Put) {
        let header = put.envelope.header();
        // who submits is known where it is answered; receipts are the stations' own
        if let Some(via) = put.via.as_ref().filter(|_| !header.kind.is_internal()) {
            self.message("relayed", who(&via.link), &header.kind, &header.id());
        }
    }

    /// What became of messages at these stations.
    fn noted(&mut self, note: &Note) {
        let Event::Ended { outcome, detail } = &note.event else { return };
        let id = |sequence| MessageId {
            origin: note.origin.clone(),
            epoch: note.epoch,
            lane: note.lane,
            sequence,
        };
        let ends = note.ranges.first().zip(note.ranges.last());
        let Some(((first, _), (_, last))) = ends else { return };
        let (first, last) = (id(*first), id(*last));
        let messages: u64 = note.ranges.iter().map(|(from, to)| to.saturating_sub(*from) + 1).sum();
        let times = messages.saturating_mul(note.stations.len() as u64);
        let at = place(&note.stations);
        if *outcome == Outcome::Delivered || times > 1 {
            return self.gather(("ended", &at, outcome.word()), &first, &last, times);
        }
        let why = detail.as_deref().unwrap_or_default();
        let deed = Deed::done("ended", &at).of_sort(outcome.word()).to(&first.to_string());
        self.audit.note(deed.detail(&format!("{} {why}", outcome.word())));
    }
}

/// One station, or how many.
fn place(stations: &[Code]) -> String {
    match stations {
        [only] => only.to_string(),
        many => format!("{} stations", many.len()),
    }
}

fn who(link: &Link) -> &str {
    link.word()
}

impl Observer for Witness {
    fn committed(&mut self, _: u64, records: &[Record]) {
        for record in records {
            match record {
                Record::Put(put) => self.put(put),
                Record::Noted(routed) => self.noted(&routed.note),
                _ => {}
            }
        }
        self.tell();
    }
}

/// The deed that a notice tells of, if it is one.
pub fn deed_of(notice: &Notice) -> Option<Deed> {
    let refused = |event, link: &Link, reason: &str| Deed::refused(event, who(link), reason);
    Some(match notice {
        Notice::HelloRefused { link, why } => refused("hello_refused", link, why),
        Notice::StoreReplaced { link } => {
            let words = "came with another data directory and was admitted in place of the old one";
            Deed::done("store_replaced", who(link)).detail(words)
        }
        Notice::Quarantined { link, why } => refused("quarantined", link, why),
        Notice::Unsealed { link, id, fault } => {
            refused("unsealed", link, fault.word()).to(&id.to_string()).detail(&fault.to_string())
        }
        Notice::Forbidden { link, id, why } => refused("forbidden", link, why).to(&id.to_string()),
        Notice::Amended { added, revoked } => {
            let words = format!("beside the topology file: {added} added, {revoked} revoked");
            Deed::done("keys_changed", "policy.set").detail(&words)
        }
        Notice::Ruled { version } => {
            Deed::done("policy_in_force", "policy.set").detail(&format!("version {version}"))
        }
        Notice::Unheeded { why } => Deed::refused("keys_changed", "policy.set", why),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::clerk::{AuditLog, Plan};
    use super::super::verify::lines;
    use super::*;

    fn start(dir: &Path) -> (AuditLog, Witness) {
        let plan = Plan {
            dir: dir.to_owned(),
            station: Code::parse("510722").unwrap(),
            notary: None,
            retain: std::time::Duration::from_secs(180 * 86_400),
            bytes_max: 1 << 30,
        };
        let (log, audit) = AuditLog::start(plan).unwrap();
        (log, Witness::new(audit))
    }

    #[test]
    fn reports_become_one_line_and_directives_have_one_each() {
        let dir = tempfile::tempdir().unwrap();
        let (log, mut witness) = start(dir.path());
        let id = |n: u64| MessageId::parse(&format!("510722.101.002-b7k2qf-r{n}")).unwrap();
        for n in 1..=3_000 {
            witness.message(
                "relayed",
                "510722.101",
                &Kind::parse("incident.report").unwrap(),
                &id(n),
            );
            if n % 1_000 == 0 {
                witness.tell();
            }
        }
        for n in [4_001, 4_002] {
            witness.message("issued", "desk", &Kind::parse("directive.issue").unwrap(), &id(n));
        }
        drop(log);
        let mut seen = Vec::new();
        lines(dir.path(), &mut |line| seen.push((line.who, line.what, line.count, line.last)))
            .unwrap();
        let directive = |n| ("desk".to_owned(), id(n).to_string(), None, None);
        let reports = ("510722.101".to_owned(), "incident".to_owned());
        let reports = (reports.0, reports.1, Some(3_000), Some(id(3_000).to_string()));
        assert_eq!(seen, [directive(4_001), directive(4_002), reports]);
    }
}
