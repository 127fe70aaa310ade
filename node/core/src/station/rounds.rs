//! Directives that repeat: each round is issued once, when its hour has come by the wall clock; one
//! whose hour came while the station was off, when it is on again, unless the next has come too.

use std::time::Duration;

use yizhan_schemas::payload::directive::{self, Issue};
use yizhan_schemas::{Kind, Lane};
use yizhan_topology::round::{Round, instant};

use super::Station;
use super::overdue::Outgoing;
use crate::awaited::{Wanted, Wants};
use crate::record::{Record, RoundIssued};
use crate::step::Step;
use crate::time::Now;

impl Station {
    /// Issues the rounds whose hour has come.
    pub(super) fn issue_rounds(&mut self, now: Now, step: &mut Step) {
        let ours = self.topology.rounds_of(&self.here);
        let owed = ours.filter_map(|round| Some((round.clone(), self.owed_hour_ms(now, round)?)));
        for (round, hour_ms) in owed.collect::<Vec<_>>() {
            self.issue_round(now, &round, hour_ms, step);
        }
    }

    /// The hour of a round that has come and was not issued.
    fn owed_hour_ms(&self, now: Now, round: &Round) -> Option<u64> {
        let issued_ms = self.kept.rounds.get(&round.name).copied().unwrap_or(0);
        round.hours(now.wall_ms).0.filter(|hour_ms| *hour_ms > issued_ms)
    }

    /// How long until the next round, milliseconds.
    pub(super) fn round_left_ms(&self, now: Now) -> Option<u64> {
        let left = self.topology.rounds_of(&self.here).map(|round| {
            match self.owed_hour_ms(now, round) {
                // there was no room for it
                Some(_) => super::remind::TRY_AGAIN_MS,
                None => round.hours(now.wall_ms).1.saturating_sub(now.wall_ms),
            }
        });
        left.min()
    }

    fn issue_round(&mut self, now: Now, round: &Round, hour_ms: u64, step: &mut Step) {
        let Ok(kind) = Kind::parse(directive::KIND) else { return };
        let due_ms = |due: Duration| {
            hour_ms.saturating_add(u64::try_from(due.as_millis()).unwrap_or(u64::MAX))
        };
        let due_ms = round.due.map(due_ms);
        let plain = Issue::plain(round.title.clone(), round.text.clone(), round.requires);
        let issue = Issue { due: due_ms.map(instant), ..plain };
        let lane = self.topology.decide(&kind, None, &self.here).precedence;
        let outgoing = Outgoing {
            kind: directive::KIND,
            to: round.to.clone(),
            lane: lane.unwrap_or(Lane::Routine),
            content_type: None,
            payload: issue.to_json(),
            references: Vec::new(),
        };
        let Some(id) = self.issue(now, outgoing, step) else { return };
        let issued = RoundIssued { name: round.name.clone(), hour_ms };
        self.write(step, Record::RoundIssued(issued));
        if let (Some(due), Some(due_ms)) = (issue.due, due_ms) {
            let wants = Wants { requires: round.requires, due, due_ms };
            let stations = self.topology.resolve(&round.to);
            let wanted = Wanted::new(round.to.clone(), wants, now.wall_ms, stations);
            self.await_answers(now, id, wanted, step);
        }
    }
}
