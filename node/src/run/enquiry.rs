//! [`Enquiry`]: what is asked at this station and of its neighbours: traces and reconciliation; and
//! [`Desk`]: what neighbours are told, and who may ask what.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use serde_json::{Value, json};
use tokio::sync::watch;
use yizhan_core::link::Link;
use yizhan_core::station::View;
use yizhan_schemas::payload::stats::Day;
use yizhan_schemas::query::{Ask, Finding, State, Told};
use yizhan_schemas::{Code, MessageId};
use yizhan_topology::Topology;

use super::office::{day_of, day_text};
use super::parts::Parts;
use crate::audit::{Audit, Deed};
use crate::bus::Client;
use crate::clock;
use crate::journal::Journal;
use crate::query::{self, Answerer, Asker, Lines, Questions, Source};
use crate::reconcile::{self, Reconciler};
use crate::trace::Tracer;

/// How long a trace may take, all hops together.
const TRACE_WITHIN: Duration = Duration::from_secs(10);
/// How long a reconciliation may take, all links together: less than a command waits.
const RECONCILE_WITHIN: Duration = Duration::from_secs(25);

/// What is asked at this station.
#[derive(Clone)]
pub(super) struct Enquiry {
    here: Code,
    topology: Arc<Topology>,
    tracer: Tracer,
    reconciler: Reconciler,
}

impl Parts {
    /// Starts what answers neighbours, and gives what asks them.
    pub(super) fn enquiry(
        &mut self,
        journal: &Journal,
        view: &watch::Receiver<View>,
        link: &Client,
        questions: Questions,
    ) -> Enquiry {
        let (here, topology) = (self.config.station.code.clone(), Arc::clone(&self.topology));
        query::describe();
        reconcile::describe();
        let children = topology.children(&here);
        let (up, down) = (self.parent.clone(), link.clone());
        let lines = Lines::new(here.clone(), up, down, view.clone(), children);
        let asker = Asker::new(self.board.clone(), lines.clone());
        let outages = self.outages.clone();
        let place = || (here.clone(), Arc::clone(&topology), journal.clone(), asker.clone());
        let (code, tree, records, asks) = place();
        let tracer = Tracer::new(code, tree, records, asks, outages.clone());
        let (code, tree, records, asks) = place();
        let reconciler = Reconciler::new(code, tree, records, asks);
        let (tracing, comparing) = (tracer.clone(), reconciler.clone());
        let desk = Desk { tracer: tracing, reconciler: comparing, audit: self.audit.clone() };
        let answerer = Answerer::new(lines, Arc::new(desk));
        self.tasks.spawn(async {
            answerer.run(questions).await;
            ("queries", Ok(()))
        });
        let (view, daily) = (view.clone(), reconciler.clone());
        self.tasks.spawn(async {
            tokio::join!(outages.watch(view), daily.daily());
            ("outages", Ok(()))
        });
        Enquiry { here, topology, tracer, reconciler }
    }
}

impl Enquiry {
    /// The way of a message; `None` if it cannot be known here.
    pub(super) async fn trace(&self, id: &MessageId) -> Option<Value> {
        let timeline = self.tracer.follow(id, TRACE_WITHIN).await?;
        serde_json::to_value(timeline).ok()
    }

    /// Whether the links below agree on a day: today, if nothing is said.
    ///
    /// # Errors
    /// What is wrong with the question.
    pub(super) async fn reconcile(
        &self,
        query: &BTreeMap<String, String>,
    ) -> Result<Value, String> {
        let valid = ["day", "station"];
        if let Some(odd) = query.keys().find(|name| !valid.contains(&name.as_str())) {
            return Err(format!("query {odd} is not known; valid are {}", valid.join(", ")));
        }
        let day = query.get("day").map(|text| day_of("day", text)).transpose()?;
        let day = day.unwrap_or_else(|| Day::of(clock::now().wall_ms));
        let only = query.get("station").map(|text| self.below(text)).transpose()?;
        let links = self.reconciler.findings(day, only.as_ref(), RECONCILE_WITHIN).await;
        Ok(json!({
            "station": self.here,
            "day": day_text(day),
            "state": sum(&links),
            "links": links,
        }))
    }

    fn below(&self, text: &str) -> Result<Code, String> {
        let code = Code::parse(text).map_err(|bad| format!("query station: {bad}"))?;
        match self.topology.station(&code).is_some() && code.is_within(&self.here) {
            true => Ok(code),
            false => Err(format!("query station: valid is {} or a station below it", self.here)),
        }
    }
}

/// What all links together come to: the worst of them.
fn sum(links: &[Finding]) -> State {
    let any = |state: State| links.iter().any(|link| link.state == state);
    let worst = [State::Gap, State::Dark, State::NotComparable];
    worst.into_iter().find(|state| any(*state)).unwrap_or(State::Agreed)
}

/// Answers neighbours.
struct Desk {
    tracer: Tracer,
    reconciler: Reconciler,
    audit: Audit,
}

impl Source for Desk {
    fn tell(&self, from: Link, ask: Ask, within: Duration) -> BoxFuture<'_, Told> {
        async move {
            match ask {
                Ask::Trace(id) => match self.tracer.tell(&from, &id, within).await {
                    Ok(told) => told,
                    Err(why) => self.refuse(&from, "trace", &id.to_string(), why.to_string()),
                },
                ask if from != Link::Up => {
                    let what = match ask {
                        Ask::Findings(..) => "findings",
                        _ => "day",
                    };
                    self.refuse(&from, "books", what, "only a parent may ask for that".to_owned())
                }
                Ask::Day(day) => self.reconciler.tell_day(day).await,
                Ask::Part(part) => self.reconciler.tell_part(&part).await,
                Ask::Findings(day, only) => {
                    self.reconciler.tell_findings(day, only.as_ref(), within).await
                }
            }
        }
        .boxed()
    }
}

impl Desk {
    fn refuse(&self, from: &Link, sort: &str, what: &str, why: String) -> Told {
        let link = from.word().to_owned();
        metrics::counter!("yizhan_queries_refused_total", "link" => link).increment(1);
        let deed = Deed::refused("query_refused", from.word(), sort);
        self.audit.note(deed.to(what).detail(&why));
        Told::Refused(why)
    }
}
