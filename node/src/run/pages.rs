//! What HTTP shows: stations, messages, readiness; and the stream of what happens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use serde_json::Value;
use tokio::sync::{broadcast, watch};
use yizhan_core::station::View;
use yizhan_schemas::reply::Grade;
use yizhan_schemas::status::{Happening, MessageStatus, Target, Trace};
use yizhan_schemas::{Code, MessageId};

use super::enquiry::Enquiry;
use super::office::Office;
use super::status::Roll;
use crate::bus::Client;
use crate::catalogue::InForce;
use crate::http::{Pages, StreamEvent, Topic};
use crate::ingest::{Goal, Grades};
use crate::journal::{Journal, Query};
use crate::roster;

/// The pages of one station.
pub(super) struct Book {
    pub(super) roll: Roll,
    pub(super) journal: Journal,
    pub(super) view: watch::Receiver<View>,
    pub(super) link: Client,
    pub(super) office: Office,
    pub(super) enquiry: Enquiry,
    pub(super) catalogue: InForce,
    pub(super) roster: roster::InForce,
}

/// Why a station does not take messages at this moment; empty if it does.
pub(super) fn unready(link: &Client, view: &View) -> Vec<String> {
    let mut reasons = Vec::new();
    if !link.is_connected() {
        reasons.push("the bus of this station is not connected".to_owned());
    }
    if !view.inbox_open {
        reasons.push("the stream YZ_INBOX is not open".to_owned());
    }
    reasons
}

impl Pages for Book {
    fn unready(&self) -> Vec<String> {
        unready(&self.link, &self.view.borrow())
    }

    fn stations(&self) -> Value {
        serde_json::to_value(self.roll.stations()).unwrap_or_default()
    }

    fn station(&self, code: &Code) -> Option<Value> {
        let stations = self.roll.stations().stations;
        let found = stations.into_iter().find(|status| status.code == *code)?;
        serde_json::to_value(found).ok()
    }

    fn device(&self, id: &str) -> Result<Value, String> {
        let device = self.catalogue.device(id)?;
        serde_json::to_value(device).map_err(|fault| fault.to_string())
    }

    fn roster(&self) -> Option<Value> {
        let roster = self.roster.now()?;
        serde_json::to_value(roster::Page::of(&roster, &self.office.here)).ok()
    }

    fn stats(&self, query: &BTreeMap<String, String>) -> Result<Value, String> {
        let view = self.view.borrow();
        self.office.stats(&view, query)
    }

    fn matters(&self) -> Value {
        let view = self.view.borrow();
        self.office.matters(&view.governed)
    }

    fn message<'a>(
        &'a self,
        id: &'a MessageId,
        delivered_within: Option<Duration>,
    ) -> BoxFuture<'a, Option<Value>> {
        async move {
            if let Some(within) = delivered_within {
                let _ =
                    tokio::time::timeout(within, self.journal.reach(id, &Goal::Delivered)).await;
            }
            let status = self.journal.status_now(id).await?;
            let mut page = serde_json::to_value(&status).ok()?;
            // of one target its row says all
            if let (2.., Some(members)) = (status.targets.len(), page.as_object_mut()) {
                members.insert("sum".to_owned(), serde_json::to_value(status.sum()).ok()?);
            }
            Some(page)
        }
        .boxed()
    }

    fn trace<'a>(&'a self, id: &'a MessageId) -> BoxFuture<'a, Option<Value>> {
        self.enquiry.trace(id).boxed()
    }

    fn reconcile<'a>(
        &'a self,
        query: &'a BTreeMap<String, String>,
    ) -> BoxFuture<'a, Result<Value, String>> {
        self.enquiry.reconcile(query).boxed()
    }

    fn messages<'a>(
        &'a self,
        query: &'a BTreeMap<String, String>,
    ) -> BoxFuture<'a, Result<Value, String>> {
        async move {
            let query = Query::read(|name| query.get(name).cloned());
            let listing = self.journal.list(&query.map_err(|bad| bad.to_string())?).await;
            Ok(serde_json::to_value(listing).unwrap_or_default())
        }
        .boxed()
    }
}

impl Grades for Journal {
    fn now(&self, id: &MessageId) -> Grade {
        self.status(id).map_or(Grade::Accepted, |status| status.grade)
    }

    fn targets(&self, id: &MessageId) -> Vec<Code> {
        let page = self.status(id);
        page.map_or_else(Vec::new, |page| page.targets.into_iter().map(|it| it.station).collect())
    }

    fn reach<'a>(&'a self, id: &'a MessageId, goal: &'a Goal) -> BoxFuture<'a, ()> {
        async move {
            let mut changes = self.changes();
            loop {
                if self.status(id).is_some_and(|status| has_reached(&status, goal)) {
                    return;
                }
                if changes.changed().await.is_err() {
                    return std::future::pending().await;
                }
            }
        }
        .boxed()
    }
}

/// True if a message has come that far, or surely never will.
fn has_reached(status: &MessageStatus, goal: &Goal) -> bool {
    let targets = &status.targets;
    let ended = !targets.is_empty() && targets.iter().all(|target| target.outcome.is_some());
    let over = ended || status.grade == Grade::Delivered;
    match goal {
        Goal::Accepted => true,
        Goal::Delivered => over,
        Goal::Relayed(code) => {
            let there = |trace: &Trace| {
                trace.station == *code && matches!(trace.event.as_str(), "handed_over" | "relayed")
            };
            // a target has it on its disk before it says so
            let delivered = |target: &Target| {
                target.station == *code && target.outcome.as_deref() == Some("delivered")
            };
            over || status.trail.iter().any(there) || targets.iter().any(delivered)
        }
    }
}

/// Passes what happens on to the readers of `GET /v1/stream`.
pub(super) async fn stream(
    mut happenings: broadcast::Receiver<Arc<Happening>>,
    events: broadcast::Sender<StreamEvent>,
) {
    loop {
        match happenings.recv().await {
            Ok(happening) if events.receiver_count() > 0 => {
                let topic = match happening.event.as_str() {
                    "accepted" | "received" => Topic::Taken,
                    "handed_over" => Topic::HandedOver,
                    "relayed" => Topic::Relayed,
                    "delivered" => Topic::Delivered,
                    "acknowledged" | "completed" | "failed" => Topic::Answered,
                    _ => Topic::Ended,
                };
                let data = serde_json::to_value(&*happening).unwrap_or_default();
                // nobody reading any more is no fault
                let _ = events.send(StreamEvent::new(topic, &data));
            }
            Ok(_) => {}
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                tracing::debug!(
                    event = "happenings_skipped",
                    missed,
                    "the stream of happenings skipped some"
                );
            }
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A message for two stations, handed to the township and known at the county.
    fn status(outcomes: [Option<&str>; 2], grade: &str) -> MessageStatus {
        let [first, second] = outcomes;
        let value = json!({
            "id": "1.1.1-b7k2qf-r1", "kind": "incident.report", "origin": "1.1.1", "to": "up",
            "precedence": "routine", "grade": grade,
            "targets": [
                { "station": "1", "outcome": first, "answer": null },
                { "station": "1.2", "outcome": second, "answer": null },
            ],
            "trail": [
                { "station": "1.1", "event": "handed_over", "at": "2026-11-23T08:30:00Z" },
                { "station": "1", "event": "relayed", "at": "2026-11-23T08:30:01Z" },
            ],
        });
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_wait_ends_when_the_grade_is_reached_or_surely_never_will_be() {
        let relayed = |code: &str| Goal::Relayed(Code::parse(code).unwrap());
        let open = status([None, None], "relayed");
        for (goal, reached) in [
            (Goal::Accepted, true),
            (relayed("1.1"), true),
            (relayed("1"), true),
            (relayed("1.2"), false),
            (Goal::Delivered, false),
        ] {
            assert_eq!(has_reached(&open, &goal), reached, "{goal:?}");
        }
        let half = status([None, Some("delivered")], "relayed");
        assert!(has_reached(&half, &relayed("1.2")), "a target has what was delivered to it");
        assert!(!has_reached(&half, &Goal::Delivered));
        let over = status([Some("expired"), Some("delivered")], "relayed");
        assert!(has_reached(&over, &Goal::Delivered), "waiting longer changes nothing");
        assert!(has_reached(&status([Some("delivered"); 2], "delivered"), &Goal::Delivered));
    }
}
