//! Commands to cameras: one request, or for `stop` one for each session that it ends.

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;
use yizhan_core::input::Attempted;
use yizhan_core::link::Link;
use yizhan_schemas::payload::video::{Order, SESSION_S_DEFAULT, SESSION_S_MAX};
use yizhan_schemas::{Code, Envelope};

use super::command::Command;
use super::sessions::{Closed, SESSIONS_MAX, Session};
use super::{Adapters, Left};

/// Members of `params`.
const SESSION: &str = "session";
const SESSION_S: &str = "session_s";

impl Adapters {
    /// Has a camera do what a message asks.
    pub(super) async fn video(&self, envelope: &Envelope, left: &Left<'_>) -> Attempted {
        let command = match Command::of(envelope) {
            Ok(command) => command,
            Err(why) => return Attempted::Unfit(why),
        };
        if let Some(denied) = self.denied(envelope.header(), &command) {
            return denied;
        }
        let origin = self.origin(envelope.header());
        match command.order {
            Order::Open | Order::Playback => self.open(origin, command, left).await,
            Order::Stop => self.stop(origin, command, left).await,
            Order::Ptz | Order::Snapshot => self.command(&command, left).await,
        }
    }

    async fn command(&self, command: &Command, left: &Left<'_>) -> Attempted {
        self.ask(&command.subject, |within| command.body(within), left).await
    }

    async fn open(&self, origin: &Code, mut command: Command, left: &Left<'_>) -> Attempted {
        let seconds = command.params.get(SESSION_S).and_then(Value::as_u64);
        let seconds = seconds.unwrap_or(SESSION_S_DEFAULT).clamp(1, SESSION_S_MAX);
        let session = Session {
            id: command.id.clone(),
            origin: origin.clone(),
            device: command.device,
            link: self.towards(origin),
            ends_at: Instant::now() + Duration::from_secs(seconds),
        };
        if !self.sessions.begin(session) {
            return Attempted::Failed(format!("busy: {SESSIONS_MAX} sessions are open here"));
        }
        let id = command.id.clone();
        command.params.insert(SESSION.to_owned(), Value::from(id.as_str()));
        command.params.insert(SESSION_S.to_owned(), Value::from(seconds));
        match self.command(&command, left).await {
            Attempted::Done(said) => Attempted::Done(named(said, &id)),
            // perhaps it is open: it is closed when its time is over
            Attempted::Unknown => Attempted::Unknown,
            other => {
                self.sessions.end(&id, Closed::NotOpened);
                other
            }
        }
    }

    async fn stop(&self, origin: &Code, mut command: Command, left: &Left<'_>) -> Attempted {
        let named = command.params.get(SESSION).and_then(Value::as_str);
        let sessions = match named.map(|id| self.sessions.get(id)) {
            None => self.sessions.of(origin, &command.device),
            Some(Some(other)) if other.origin != *origin || other.device != command.device => {
                let Session { id, origin, device, .. } = other;
                return Attempted::Forbidden(format!(
                    "session {id} is that of {origin} at {device}"
                ));
            }
            Some(session) => session.into_iter().collect(),
        };
        if sessions.is_empty() {
            // an earlier life may have opened one: its adapter knows
            return self.command(&command, left).await;
        }
        let mut last = Attempted::Done(None);
        for session in sessions {
            command.params.insert(SESSION.to_owned(), Value::from(session.id.as_str()));
            last = self.command(&command, left).await;
            if !matches!(last, Attempted::Done(_)) {
                return last;
            }
            self.sessions.end(&session.id, Closed::Stopped);
        }
        last
    }

    /// The link on whose far side a station is; none if that is this one.
    fn towards(&self, station: &Code) -> Option<Link> {
        match self.here.child_towards(station) {
            Some(child) => Some(Link::Down(child)),
            None if *station == self.here => None,
            None => Some(Link::Up),
        }
    }
}

/// What the adapter said, with the session's name in it.
fn named(said: Option<String>, id: &str) -> Option<String> {
    let mut result = Map::from_iter([(SESSION.to_owned(), Value::from(id))]);
    let said = said.and_then(|said| serde_json::from_str::<Map<_, _>>(&said).ok());
    result.extend(said.unwrap_or_default());
    serde_json::to_string(&result).ok()
}
