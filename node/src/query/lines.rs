//! [`Lines`]: the way to each neighbour for questions and answers, and how fast they may go there.
//!
//! One piece at a time goes out on a line, and after it nothing for so long that all of them
//! together take a tenth of what the line carries. A piece is short enough that a flash message
//! behind it comes an eighth of a second later at most, or as much as the shortest piece takes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use yizhan_core::link::Link;
use yizhan_core::station::{LinkView, View};
use yizhan_schemas::Code;
use yizhan_schemas::frame::{Answer, Frame, PART_BYTES_MAX, PARTS_MAX, QUERIES_SINCE, Query};

use super::Silence;
use crate::bus::{BusError, Client, subjects};

/// Queries and answers take one part in so many of what a line carries.
const SHARE_OF_LINE: u64 = 10;
/// A piece is at most one part in so many of what a line carries in a second.
const PIECE_OF_SECOND: u64 = 8;
/// Shortest piece, bytes: what is around it is a third of that.
const PIECE_BYTES_MIN: usize = 200;
/// A line whose rate was not measured yet is taken for one of so many bytes a second: 256 kbit/s.
const UNMEASURED_RATE: u64 = 32_000;

/// The ways to all neighbours. Cheap to clone.
#[derive(Clone)]
pub struct Lines {
    here: Code,
    up: Option<Client>,
    down: Client,
    view: watch::Receiver<View>,
    /// When each line is free again.
    turns: Arc<BTreeMap<Link, Mutex<Instant>>>,
}

impl Lines {
    /// Lines of a station: `up` is the connection to its parent's bus, `down` that to its own.
    pub fn new(
        here: Code,
        up: Option<Client>,
        down: Client,
        view: watch::Receiver<View>,
        children: &[Code],
    ) -> Self {
        let links = children.iter().cloned().map(Link::Down);
        let links = links.chain(up.is_some().then_some(Link::Up));
        let turns = links.map(|link| (link, Mutex::new(Instant::now()))).collect();
        Self { here, up, down, view, turns: Arc::new(turns) }
    }

    /// What is known of a neighbour's link.
    fn link(&self, to: &Link) -> Option<LinkView> {
        self.view.borrow().links.iter().find(|view| view.link == *to).cloned()
    }

    /// Nothing, if a neighbour can be asked now.
    pub(super) fn open(&self, to: &Link) -> Result<(), Silence> {
        let link = self.link(to).filter(|link| link.up).ok_or(Silence::LinkDown)?;
        match link.version {
            Some(version) if version >= QUERIES_SINCE => Ok(()),
            _ => Err(Silence::TooOld),
        }
    }

    /// Resolves when a neighbour cannot be asked any more.
    pub(super) async fn closed(&self, to: &Link) {
        let mut view = self.view.clone();
        let up = |view: &View| view.links.iter().any(|link| link.link == *to && link.up);
        // a loop that has ended asks nobody either
        let _ = view.wait_for(|view| !up(view)).await;
    }

    fn rate(&self, to: &Link) -> u64 {
        self.link(to).and_then(|link| link.rate).unwrap_or(UNMEASURED_RATE).max(1)
    }

    /// Sends a question.
    pub(super) async fn ask(&self, to: &Link, query: Query) -> Result<(), Silence> {
        self.open(to)?;
        self.send(to, Frame::Query(query)).await
    }

    /// Sends an answer, in pieces.
    pub(super) async fn tell(&self, to: &Link, id: u64, told: &Bytes) -> Result<(), Silence> {
        let most = usize::try_from(self.rate(to) / PIECE_OF_SECOND).unwrap_or(PART_BYTES_MAX);
        let piece = most.clamp(PIECE_BYTES_MIN, PART_BYTES_MAX);
        let mut rest = told.clone();
        for part in 0..PARTS_MAX {
            let body = rest.split_to(piece.min(rest.len()));
            let last = rest.is_empty();
            self.send(to, Frame::Answer(Answer { id, part, last, body })).await?;
            if last {
                return Ok(());
            }
        }
        Err(Silence::Broken("too long for this line".to_owned()))
    }

    /// Sends one frame, as soon as the ones before it have had their time.
    async fn send(&self, to: &Link, frame: Frame) -> Result<(), Silence> {
        let turn = self.turns.get(to).ok_or(Silence::LinkDown)?;
        let mut free_at = turn.lock().await;
        tokio::time::sleep_until(*free_at).await;
        let is_question = matches!(frame, Frame::Query(_));
        let bytes = frame.encode().map_err(|fault| Silence::Broken(fault.to_string()))?;
        let length = bytes.len() as u64;
        let sent = match (to, &self.up) {
            (Link::Up, Some(parent)) => parent.publish(&subjects::up(&self.here), bytes).await,
            (Link::Down(child), _) if is_question => {
                self.down.publish(&subjects::query(child), bytes).await
            }
            (Link::Down(child), _) => self.down.publish(&subjects::down(child), bytes).await,
            _ => return Err(Silence::LinkDown),
        };
        sent.map_err(|fault: BusError| Silence::Broken(fault.to_string()))?;
        let link = to.word().to_owned();
        metrics::counter!("yizhan_query_bytes_total", "link" => link).increment(length);
        let pause_us = length.saturating_mul(1_000_000 * SHARE_OF_LINE) / self.rate(to);
        *free_at = Instant::now() + Duration::from_micros(pause_us);
        Ok(())
    }
}
