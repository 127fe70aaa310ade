//! [`Publisher`]: hands messages in as anybody would: without credentials, by NATS or HTTP, and
//! again under the same key until somebody says `accepted`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use tokio::time::{Instant, sleep, timeout_at};
use yizhan_schemas::Code;
use yizhan_schemas::reply::{Accepted, ErrorCode, Refusal, RefusalReply};

use super::Fault;
use super::county::County;
use super::ground::Site;
use super::ledger::Fate;
use super::plan::{Post, Way};
use super::probe::Probe;
use crate::bus::{Client, Dial, Headers, subjects};
use crate::cli::station::innermost;

/// How long one answer is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Before the next attempt.
const PAUSE: Duration = Duration::from_millis(200);
/// All attempts together.
const PATIENCE: Duration = Duration::from_secs(60);

/// Hands messages in.
#[derive(Debug)]
pub(super) struct Publisher {
    /// `ce-source`: the scope of the keys, drawn for each run.
    source: String,
    probe: Probe,
    doors: BTreeMap<Code, Door>,
}

/// Where one station takes messages.
#[derive(Debug)]
struct Door {
    site: Arc<Site>,
    bus: Client,
}

/// What became of one attempt.
enum Attempt {
    Ended(Fate),
    /// Nobody said anything, or "not now".
    Again(String),
}

/// What became of a message.
#[derive(Debug, Clone)]
pub(super) struct Handed {
    pub(super) fate: Fate,
    /// When the first attempt began, in nanoseconds since 1970.
    pub(super) sent_unix_ns: i128,
    /// Attempts after the first.
    pub(super) retries: u32,
}

impl Publisher {
    /// Connects to all stations.
    pub(super) async fn open(county: &County, source: &str) -> Result<Self, Fault> {
        let mut doors = BTreeMap::new();
        for site in county.sites() {
            let bus = Client::dial(Dial::open(&site.bus, "yizhan demo")).await?;
            doors.insert(site.code.clone(), Door { site: site.clone(), bus });
        }
        for door in doors.values() {
            door.bus.ready(ANSWER_WITHIN).await?;
        }
        Ok(Self { source: source.to_owned(), probe: county.probe.clone(), doors })
    }

    /// The connection to a station's bus.
    pub(super) fn bus(&self, station: &Code) -> Option<&Client> {
        self.doors.get(station).map(|door| &door.bus)
    }

    /// Hands one message in, as often as it takes.
    pub(super) async fn publish(&self, post: &Post) -> Handed {
        let sent_unix_ns = Timestamp::now().as_nanosecond();
        let deadline = Instant::now() + PATIENCE;
        let mut retries = 0;
        let fate = loop {
            let attempt = timeout_at(deadline, self.attempt(post));
            match attempt.await {
                Ok(Attempt::Ended(fate)) => break fate,
                Ok(Attempt::Again(why)) if Instant::now() + PAUSE >= deadline => {
                    break Fate::Unaccepted(format!("after {retries} retries: {why}"));
                }
                Ok(Attempt::Again(_)) => sleep(PAUSE).await,
                Err(_) => break Fate::Unaccepted(format!("no answer in {PATIENCE:?}")),
            }
            retries += 1;
        };
        Handed { fate, sent_unix_ns, retries }
    }

    async fn attempt(&self, post: &Post) -> Attempt {
        let Some(door) = self.doors.get(&post.station) else {
            return Attempt::Ended(Fate::Unaccepted("no such station".to_owned()));
        };
        match post.way {
            Way::Nats => self.by_nats(door, post).await,
            Way::Http => self.by_http(door, post).await,
        }
    }

    async fn by_nats(&self, door: &Door, post: &Post) -> Attempt {
        let headers = match self.headers(post) {
            Ok(headers) => headers,
            Err(bad) => return Attempt::Ended(Fate::Unaccepted(bad.to_string())),
        };
        let (subject, body) = (subjects::submit(&post.kind), post.payload.clone());
        match door.bus.request_with_headers(&subject, headers, body, ANSWER_WITHIN).await {
            Ok(answer) => match serde_json::from_slice::<Accepted>(&answer.payload) {
                Ok(accepted) => Attempt::Ended(Fate::Accepted(accepted.id)),
                Err(_) => match serde_json::from_slice::<RefusalReply>(&answer.payload) {
                    Ok(RefusalReply { error }) => refused(&error),
                    Err(odd) => Attempt::Again(odd.to_string()),
                },
            },
            Err(silence) => Attempt::Again(silence.to_string()),
        }
    }

    fn headers(&self, post: &Post) -> Result<Headers, crate::bus::BusError> {
        let mut headers = Headers::new();
        headers.set("Nats-Msg-Id", &post.key)?;
        headers.set("ce-id", &post.key)?;
        headers.set("ce-source", &self.source)?;
        if let Some(to) = &post.to {
            headers.set("Yz-To", to)?;
        }
        if let Some(ttl) = post.ttl {
            headers.set("Yz-Ttl", &humantime::format_duration(ttl).to_string())?;
        }
        Ok(headers)
    }

    async fn by_http(&self, door: &Door, post: &Post) -> Attempt {
        let Some(http) = door.site.http() else {
            return Attempt::Again("the station is between two lives".to_owned());
        };
        let mut request = self
            .probe
            .client()
            .post(format!("{http}/v1/events"))
            .timeout(ANSWER_WITHIN)
            .header("content-type", "application/json")
            .header("ce-specversion", "1.0")
            .header("ce-type", post.kind.as_str())
            .header("ce-source", &self.source)
            .header("ce-id", &post.key);
        if let Some(to) = &post.to {
            request = request.header("ce-yzto", to);
        }
        if let Some(ttl) = post.ttl {
            request = request.header("ce-yzttl", humantime::format_duration(ttl).to_string());
        }
        let answer = match request.body(post.payload.clone()).send().await {
            Ok(answer) => answer,
            Err(silence) => return Attempt::Again(innermost(&silence)),
        };
        let status = answer.status();
        let text = match answer.text().await {
            Ok(text) => text,
            Err(silence) => return Attempt::Again(innermost(&silence)),
        };
        match serde_json::from_str::<Accepted>(&text) {
            Ok(accepted) if status == StatusCode::ACCEPTED => {
                Attempt::Ended(Fate::Accepted(accepted.id))
            }
            _ if passes(status) => Attempt::Again(format!("{status}: {text}")),
            _ => Attempt::Ended(Fate::Unaccepted(format!("{status}: {text}"))),
        }
    }
}

/// "Not now" is answered by patience; any other no is final.
fn refused(why: &Refusal) -> Attempt {
    match why.code {
        ErrorCode::RateLimited | ErrorCode::SpoolFull | ErrorCode::ShuttingDown => {
            Attempt::Again(why.to_string())
        }
        _ => Attempt::Ended(Fate::Unaccepted(why.to_string())),
    }
}

fn passes(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}
