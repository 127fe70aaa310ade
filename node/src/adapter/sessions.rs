//! [`Sessions`]: what devices show to somebody until it is ended: opened by `open` or `playback`,
//! closed by `stop`, by its own end, or because whoever asked for it is cut off.
//!
//! Promise: no more than [`SESSIONS_MAX`] are open at once, and none stays open for nobody: the
//! device's adapter gets a `stop` of its own. They are in memory alone: what an earlier life opened
//! ends by the `session_s` that the adapter was told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::{counter, gauge};
use tokio::time::Instant;
use yizhan_core::link::Link;
use yizhan_schemas::Code;
use yizhan_schemas::payload::video::DeviceId;

/// Sessions that may be open at once at a station.
pub const SESSIONS_MAX: usize = 1024;
/// Whoever asked for a session may be cut off for so long.
pub const REQUESTER_AWAY_MAX: Duration = Duration::from_secs(30);

/// One session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    /// The message that opened it; its name.
    pub(super) id: String,
    /// Who asked for it.
    pub(super) origin: Code,
    /// Which device shows something.
    pub(super) device: DeviceId,
    /// The link on whose far side the origin is; none if that is this station.
    pub(super) link: Option<Link>,
    /// When it ends by itself.
    pub(super) ends_at: Instant,
}

/// Why a session was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    /// By `stop`.
    Stopped,
    /// Its time was over.
    Expired,
    /// Who asked for it is cut off.
    RequesterLost,
    /// It never began.
    NotOpened,
}

impl Closed {
    /// The word in metrics, and in what an adapter is told.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Stopped => "stop",
            Self::Expired => "expired",
            Self::RequesterLost => "requester_lost",
            Self::NotOpened => "not_opened",
        }
    }
}

/// The sessions of a station. Cheap to clone: all clones are the same table.
#[derive(Debug, Clone, Default)]
pub struct Sessions(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    open: BTreeMap<String, Session>,
    /// Links that are down, and since when.
    down: BTreeMap<Link, Instant>,
}

impl Sessions {
    fn table<T>(&self, with: impl FnOnce(&mut Table) -> T) -> T {
        // a table is whole after each change, whoever panicked behind it
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = with(&mut table);
        gauge!("yizhan_sessions_open").set(table.open.len() as f64);
        answer
    }

    /// Takes a place for a session that is about to be opened; `false` if there is none.
    pub(super) fn begin(&self, session: Session) -> bool {
        gauge!("yizhan_sessions_max").set(SESSIONS_MAX as f64);
        let began = self.table(|table| {
            let room = table.open.len() < SESSIONS_MAX;
            if room {
                table.open.insert(session.id.clone(), session);
            }
            room
        });
        let outcome = if began { "begun" } else { "full" };
        counter!("yizhan_sessions_total", "outcome" => outcome).increment(1);
        began
    }

    /// Ends one, if it is there.
    pub(super) fn end(&self, id: &str, why: Closed) {
        if self.table(|table| table.open.remove(id)).is_some() {
            counter!("yizhan_sessions_closed_total", "why" => why.word()).increment(1);
        }
    }

    /// The session of that name.
    pub(super) fn get(&self, id: &str) -> Option<Session> {
        self.table(|table| table.open.get(id).cloned())
    }

    /// What an origin has open at a device.
    pub(super) fn of(&self, origin: &Code, device: &DeviceId) -> Vec<Session> {
        let its = |session: &&Session| session.origin == *origin && session.device == *device;
        self.table(|table| table.open.values().filter(its).cloned().collect())
    }

    /// Takes out what has to be closed now, while these links are up.
    pub(super) fn due(&self, now: Instant, up: &BTreeSet<Link>) -> Vec<(Session, Closed)> {
        let due = self.table(|table| {
            let links: BTreeSet<_> =
                table.open.values().filter_map(|session| session.link.clone()).collect();
            table.down.retain(|link, _| links.contains(link) && !up.contains(link));
            for link in links.difference(up) {
                table.down.entry(link.clone()).or_insert(now);
            }
            let why = |session: &Session| {
                let since = session.link.as_ref().and_then(|link| table.down.get(link));
                match since {
                    _ if now >= session.ends_at => Some(Closed::Expired),
                    Some(since) if now >= *since + REQUESTER_AWAY_MAX => {
                        Some(Closed::RequesterLost)
                    }
                    _ => None,
                }
            };
            let due = table.open.values().filter_map(|it| Some((it.clone(), why(it)?)));
            due.collect::<Vec<_>>()
        });
        due.iter().for_each(|(session, why)| self.end(&session.id, *why));
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Code {
        Code::parse(text).unwrap()
    }

    fn session(id: &str, origin: &str, link: Option<Link>, ends_at: Instant) -> Session {
        let device = DeviceId::parse("51072210001320000001").unwrap();
        Session { id: id.to_owned(), origin: code(origin), device, link, ends_at }
    }

    #[test]
    fn a_session_ends_in_its_time_or_when_its_requester_was_away_for_too_long() {
        let (start, sessions) = (Instant::now(), Sessions::default());
        let at = |seconds| start + Duration::from_secs(seconds);
        let town = Link::Down(code("510722.101"));
        assert!(sessions.begin(session("own", "510722", None, at(60))));
        assert!(sessions.begin(session("towns", "510722.101", Some(town.clone()), at(300))));
        assert!(sessions.begin(session("ours", "51", Some(Link::Up), at(300))));
        let due = |seconds, up: &[&Link]| {
            let up = up.iter().map(|link| (*link).clone()).collect();
            let due = sessions.due(at(seconds), &up);
            due.into_iter().map(|(session, why)| (session.id, why)).collect::<Vec<_>>()
        };
        assert_eq!(due(1, &[&town, &Link::Up]), []);
        assert_eq!(due(10, &[&Link::Up]), [], "it may come back");
        assert_eq!(due(30, &[&town, &Link::Up]), [], "and did");
        assert_eq!(due(40, &[&Link::Up]), []);
        assert_eq!(due(60, &[&Link::Up]), [("own".to_owned(), Closed::Expired)]);
        assert_eq!(due(69, &[&Link::Up]), [], "counted from the second time on");
        assert_eq!(due(70, &[&Link::Up]), [("towns".to_owned(), Closed::RequesterLost)]);
        assert_eq!(due(400, &[]), [("ours".to_owned(), Closed::Expired)]);
        assert_eq!(due(500, &[]), []);
    }

    #[test]
    fn there_is_room_for_so_many_and_each_is_its_origins() {
        let (now, sessions) = (Instant::now(), Sessions::default());
        for n in 0..SESSIONS_MAX {
            let origin = if n == 0 { "510722.102" } else { "510722" };
            assert!(sessions.begin(session(&format!("s{n}"), origin, None, now)));
        }
        assert!(!sessions.begin(session("more", "510722", None, now)));
        let device = session("", "1", None, now).device;
        let of: Vec<_> = sessions.of(&code("510722.102"), &device);
        assert_eq!(of.len(), 1);
        sessions.end("s0", Closed::Stopped);
        assert_eq!(sessions.of(&code("510722.102"), &device), []);
        assert!(sessions.begin(session("more", "510722", None, now)));
    }
}
