//! [`Scenes`]: what messages mean, played on the county when the count is done: a case that climbs,
//! an incident that nobody handles, a broadcast that is only an exercise, and the books of all links.
//!
//! Promise: a scene is good only if the stations themselves say so, by their pages.

use std::cell::Cell;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use yizhan_schemas::status::MessageStatus;
use yizhan_schemas::{Code, MessageId};

mod books;

use self::books::Books;
use super::county::County;
use super::ground::Site;
use super::sentences::Sentences;

/// How long one thing may take that stations do by themselves.
const WITHIN: Duration = Duration::from_secs(30);
/// Before it is looked at again: pages are made anew when something happened.
const PAUSE: Duration = Duration::from_millis(100);
/// When it all happens, for payloads that say so.
const WHEN: &str = "2026-11-23T08:30:00+08:00";
/// Attempts on each tier, as the demo's policy asks for.
const ATTEMPTS: usize = 3;

/// What became of one scene: a sentence, and whether it is as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Played {
    pub(super) sentence: String,
    pub(super) good: bool,
}

/// Plays scenes.
pub(super) struct Scenes<'a> {
    county: &'a County,
    sentences: Sentences,
    source: &'a str,
    handed_in: Cell<u32>,
}

impl<'a> Scenes<'a> {
    pub(super) fn new(county: &'a County, sentences: Sentences, source: &'a str) -> Self {
        Self { county, sentences, source, handed_in: Cell::new(0) }
    }

    /// Plays all of them.
    pub(super) async fn play(&self) -> Vec<Played> {
        let (case, incident, broadcast) =
            tokio::join!(self.case(), self.incident(), self.broadcast());
        let mut played = vec![case, incident, broadcast];
        // nothing is under way any more, and a village may be stopped
        let books = Books(self);
        played.push(books.agree().await);
        played.push(books.miss_one().await);
        played.into_iter().map(|scene| scene.unwrap_or_else(|why| self.failed(why))).collect()
    }

    fn failed(&self, why: String) -> Played {
        Played { sentence: why, good: false }
    }

    /// A village, its township, the county.
    fn tiers(&self) -> Result<[&Site; 3], String> {
        let topology = &self.county.topology;
        let leaf = topology.stations().find(|station| topology.children(&station.code).is_empty());
        let village = leaf.map(|station| &station.code).ok_or("there is no village")?;
        let township = topology.parent(village).ok_or("it has no township")?;
        let site = |code: &Code| {
            self.county.site(code).map(AsRef::as_ref).map_err(|fault| fault.to_string())
        };
        Ok([site(village)?, site(township)?, site(topology.root())?])
    }

    async fn hand_in(
        &self,
        site: &Site,
        kind: &str,
        to: Option<&str>,
        data: Value,
    ) -> Result<MessageId, String> {
        let number = self.handed_in.replace(self.handed_in.get() + 1);
        let mut event = json!({
            "specversion": "1.0", "id": format!("scene-{number}"), "source": self.source,
            "type": kind, "data": data,
        });
        if let (Some(to), Some(members)) = (to, event.as_object_mut()) {
            members.insert("yzto".to_owned(), to.into());
        }
        self.county.probe.hand_in(site, &event).await
    }

    /// What a station answers, as soon as that fits.
    async fn until<T>(
        &self,
        site: &Site,
        path: &str,
        what: &str,
        fits: impl Fn(&Value) -> Option<T>,
    ) -> Result<T, String> {
        let deadline = Instant::now() + WITHIN;
        loop {
            let page = self.county.probe.value(site, path).await;
            let found = page.as_ref().ok().and_then(&fits);
            match found {
                Some(found) => return Ok(found),
                None if Instant::now() > deadline => {
                    return Err(format!("{}: {what} within {WITHIN:?}", site.code));
                }
                None => sleep(PAUSE).await,
            }
        }
    }

    async fn stands(&self, site: &Site, id: &MessageId, stage: &str) -> Result<(), String> {
        let text = id.to_string();
        let fits = |page: &Value| {
            let mut matters = page["matters"].as_array()?.iter();
            matters.any(|it| it["id"] == text.as_str() && it["stage"] == stage).then_some(())
        };
        self.until(site, "/v1/matters", &format!("{id} was not {stage}"), fits).await
    }

    /// The answer that an origin knows of its own message.
    async fn answered(&self, site: &Site, id: &MessageId, answer: &str) -> Result<(), String> {
        let fits = |page: &Value| {
            let targets = page["targets"].as_array()?;
            targets.iter().any(|target| target["answer"] == answer).then_some(())
        };
        let path = format!("/v1/messages/{id}");
        self.until(site, &path, &format!("{id} was not answered {answer}"), fits).await
    }

    /// A case climbs from village to county, after three attempts on each tier.
    async fn case(&self) -> Result<Played, String> {
        let [village, township, county] = self.tiers()?;
        let opened = json!({"category": "邻里纠纷", "class": "general", "description": "院墙"});
        let case = self.hand_in(village, "case.open", None, opened).await?;
        let mut history = Vec::new();
        let at_town = self.climb(village, &case, &mut history).await?;
        self.take(township, &at_town).await?;
        self.stands(village, &case, "risen").await?;
        let at_county = self.climb(township, &at_town, &mut history).await?;
        self.take(county, &at_county).await?;
        let here = county.code.as_str();
        let close = json!({"subject": at_county, "outcome": "settled"});
        self.hand_in(county, "case.close", Some(here), close).await?;
        self.answered(village, &at_town, "completed").await?;
        let attempts = history.len();
        Ok(Played {
            sentence: self.sentences.case_climbed(&case, attempts),
            good: attempts == 2 * ATTEMPTS,
        })
    }

    /// Tries to apply at once, which must not work; then after three attempts.
    async fn climb(
        &self,
        site: &Site,
        case: &MessageId,
        history: &mut Vec<Value>,
    ) -> Result<MessageId, String> {
        let here = site.code.as_str();
        let apply = |history: &[Value]| {
            json!({"subject": case, "category": "邻里纠纷", "reason": "三次未成",
                "history": history})
        };
        if self.hand_in(site, "case.apply", None, apply(history)).await.is_ok() {
            return Err(format!("{case} went up although {here} had not tried"));
        }
        for _ in 0..ATTEMPTS {
            let attempt = json!({"subject": case, "who": "调解员", "at": WHEN,
                "outcome": "failed"});
            let id = self.hand_in(site, "case.attempt", Some(here), attempt).await?;
            history.push(json!({ "id": id }));
        }
        self.hand_in(site, "case.apply", None, apply(history)).await
    }

    async fn take(&self, site: &Site, case: &MessageId) -> Result<(), String> {
        self.stands(site, case, "proposed").await?;
        let accept = json!({ "subject": case });
        self.hand_in(site, "case.accept", Some(site.code.as_str()), accept).await?;
        self.stands(site, case, "open").await
    }

    /// Nobody handles an incident; it goes up by its deadline, and what closes it above closes it
    /// below.
    async fn incident(&self) -> Result<Played, String> {
        let [village, township, _] = self.tiers()?;
        let report = json!({"category": "积水", "severity": "significant", "description": "桥头",
            "occurred_at": WHEN});
        let id = self.hand_in(village, "incident.report", None, report).await?;
        self.stands(village, &id, "risen").await?;
        let risen = |page: &Value| {
            let mut matters = page["matters"].as_array()?.iter();
            let found = matters.find(|it| it["id"] == id.to_string().as_str())?;
            MessageId::parse(found["above"].as_str()?).ok()
        };
        let above = self.until(village, "/v1/matters", "it rose nowhere", risen).await?;
        self.stands(township, &above, "reported").await?;
        for step in ["accepted", "dispatched", "handled", "verified", "closed"] {
            let update = json!({"subject": above, "step": step});
            self.hand_in(township, "incident.update", Some(township.code.as_str()), update).await?;
        }
        self.answered(village, &id, "completed").await?;
        let sentence = self.sentences.incident_rose(&id, &township.code);
        Ok(Played { sentence, good: true })
    }

    /// A broadcast to what is tagged, which is only an exercise.
    async fn broadcast(&self) -> Result<Played, String> {
        let [_, _, county] = self.tiers()?;
        let to = format!("tag:flood-prone@{}", county.code);
        let issue = json!({"title": "防汛演练", "text": "演练，演练：请到高处集合",
            "status": "Exercise", "requires": "delivered"});
        let id = self.hand_in(county, "broadcast.issue", Some(&to), issue).await?;
        let ended = |page: &Value| {
            let page: MessageStatus = serde_json::from_value(page.clone()).ok()?;
            let delivered =
                |it: &&yizhan_schemas::status::Target| it.outcome.as_deref() == Some("delivered");
            let delivered = page.targets.iter().filter(delivered).count();
            (delivered == page.targets.len() && delivered > 0).then_some(delivered)
        };
        let path = format!("/v1/messages/{id}");
        let reached = self.until(county, &path, "the broadcast did not arrive", ended).await?;
        Ok(Played { sentence: self.sentences.broadcast_reached(&to, reached), good: true })
    }
}
