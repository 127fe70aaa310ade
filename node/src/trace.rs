//! Traces: one message through every hop, out of the stations' own journals, with no collector.
//!
//! Promise: the question follows the way of the message, one hop at a time, and ends at its
//! deadline; who cannot be asked is shown as dark, and then the last station whose custody somebody
//! has proof of is named. A child hears only of messages that came from below it or went to it.
//!
//! | module | noun |
//! |---|---|
//! | `outages` | what messages waited for |
//! | `own` | what this station says of a message |
//! | `way` | order, and proofs |

mod outages;
mod own;
mod way;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use serde::{Deserialize, Serialize};
use yizhan_core::link::Link;
use yizhan_schemas::query::{Ask, HOPS_MAX, Hop, HopState, Told};
use yizhan_schemas::status::{MessageStatus, Target};
use yizhan_schemas::{Code, Kind, Lane, MessageId, Selector};
use yizhan_topology::Topology;

pub use self::outages::Outages;
pub use self::way::Holder;
use crate::journal::Journal;
use crate::query::{Asker, Silence};

/// Children that are asked at once.
const AT_ONCE_MAX: usize = 16;

/// A message on its way: the answer of `GET /v1/trace/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// The message.
    pub id: MessageId,
    /// The station that took it from its publisher.
    pub origin: Code,
    /// The station that was asked.
    pub asked_at: Code,
    /// What it is about, if the station that was asked knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Whom it is for, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Selector>,
    /// How urgent it is, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "precedence")]
    pub precedence: Option<Lane>,
    /// The stations on its way, from the origin on.
    pub hops: Vec<Hop>,
    /// Where it was last seen for sure.
    pub holders: Vec<Holder>,
    /// True if every station on its way could be asked.
    pub complete: bool,
    /// Each station that it is for, as far as the station that was asked knows.
    #[serde(default)]
    pub targets: Vec<Target>,
}

mod precedence {
    use serde::{Deserialize as _, Deserializer, Serializer};
    use yizhan_schemas::Lane;

    #[expect(clippy::ref_option, reason = "serde asks it so")]
    pub(super) fn serialize<S: Serializer>(lane: &Option<Lane>, to: S) -> Result<S::Ok, S::Error> {
        match lane {
            Some(lane) => to.serialize_str(lane.word()),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Option<Lane>, D::Error> {
        let word = Option::<String>::deserialize(from)?;
        Ok(Lane::ALL.into_iter().find(|lane| word.as_deref() == Some(lane.word())))
    }
}

/// Follows messages. Cheap to clone.
#[derive(Clone)]
pub struct Tracer {
    here: Code,
    topology: Arc<Topology>,
    journal: Journal,
    asker: Asker,
    outages: Outages,
}

/// A child asks for what is none of its business.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("message {id} neither came from below {child} nor went to it")]
pub struct NotYours {
    id: Box<MessageId>,
    child: Code,
}

impl Tracer {
    /// A tracer out of this journal, asking its neighbours.
    pub fn new(
        here: Code,
        topology: Arc<Topology>,
        journal: Journal,
        asker: Asker,
        outages: Outages,
    ) -> Self {
        Self { here, topology, journal, asker, outages }
    }

    /// The whole way of a message; `None` if nobody who knows it can be there.
    pub async fn follow(&self, id: &MessageId, within: Duration) -> Option<Timeline> {
        let status = self.journal.status_now(id).await;
        let below = id.origin.is_within(&self.here);
        if status.is_none() && (!below || self.topology.station(&id.origin).is_none()) {
            return None;
        }
        let mut hops = self.with_neighbours(id, status.as_ref(), true, true, within).await;
        way::sort(&id.origin, &mut hops);
        let nobody = hops.iter().all(|hop| hop.state == HopState::Unknown);
        if nobody {
            return None;
        }
        let holders = way::holders(&id.origin, &hops);
        let complete = hops.iter().all(|hop| hop.state != HopState::Dark);
        let known = status.as_ref();
        Some(Timeline {
            id: id.clone(),
            origin: id.origin.clone(),
            asked_at: self.here.clone(),
            kind: known.map(|it| it.kind.clone()),
            to: known.map(|it| it.to.clone()),
            precedence: known.map(|it| it.precedence),
            hops,
            holders,
            complete,
            targets: status.map(|it| it.targets).unwrap_or_default(),
        })
    }

    /// What a neighbour is told: of this station, and of those beyond it.
    ///
    /// # Errors
    /// A child that must not hear of it.
    pub async fn tell(
        &self,
        to: &Link,
        id: &MessageId,
        within: Duration,
    ) -> Result<Told, NotYours> {
        let status = self.journal.status_now(id).await;
        let hops = match to {
            Link::Down(child) => {
                let from_below = id.origin.is_within(child);
                let went = status.as_ref().is_some_and(|status| self.went_to(status, child));
                if !from_below && !went {
                    return Err(NotYours { id: Box::new(id.clone()), child: child.clone() });
                }
                let mut hops = self.with_neighbours(id, status.as_ref(), true, false, within).await;
                if !from_below {
                    // of an order, nothing of what became of it at others
                    let own = |station: &Code| child.is_within(station);
                    hops.iter_mut().for_each(|hop| hop.events.retain(|it| own(&it.station)));
                    hops.retain(|hop| own(&hop.station));
                }
                hops
            }
            _ => self.with_neighbours(id, status.as_ref(), false, true, within).await,
        };
        Ok(Told::Trace(hops))
    }

    fn went_to(&self, status: &MessageStatus, child: &Code) -> bool {
        status.trail.iter().any(|it| it.event == "handed_over" && it.station == *child)
    }

    /// This station's part, and those of the stations beyond it, upwards and downwards.
    async fn with_neighbours(
        &self,
        id: &MessageId,
        status: Option<&MessageStatus>,
        upwards: bool,
        downwards: bool,
        within: Duration,
    ) -> Vec<Hop> {
        let mut links: BTreeSet<Link> = BTreeSet::new();
        let is_child = |code: &Code| self.topology.children(&self.here).contains(code);
        if downwards {
            let came = self.here.child_towards(&id.origin).into_iter();
            let went = status.iter().flat_map(|status| &status.trail);
            let went = went.filter(|it| it.event == "handed_over").map(|it| it.station.clone());
            links.extend(came.chain(went).filter(is_child).map(Link::Down));
        }
        let from_above = status.is_some() && !id.origin.is_within(&self.here);
        let to_above = id.origin.is_within(&self.here) && self.goes_up(status);
        if upwards && (from_above || to_above) && self.topology.parent(&self.here).is_some() {
            links.insert(Link::Up);
        }
        let asked =
            links.into_iter().map(|link| async move { self.beyond(&link, id, within).await });
        let told: Vec<Vec<Hop>> = stream::iter(asked).buffered(AT_ONCE_MAX).collect().await;
        let own = own::hop(&self.here, status, &self.outages);
        let mut hops: Vec<Hop> = std::iter::once(own).chain(told.into_iter().flatten()).collect();
        hops.truncate(HOPS_MAX);
        hops
    }

    /// True if a message from here or below may have gone on to the parent.
    fn goes_up(&self, status: Option<&MessageStatus>) -> bool {
        let Some(status) = status else { return true };
        status.targets.is_empty()
            || status.targets.iter().any(|target| !target.station.is_within(&self.here))
            || status.trail.iter().any(|it| !it.station.is_within(&self.here))
    }

    /// What a neighbour says of itself and of those beyond it.
    async fn beyond(&self, link: &Link, id: &MessageId, within: Duration) -> Vec<Hop> {
        // the answer must travel as well
        let within = within.mul_f64(0.8);
        let neighbour = match link {
            Link::Down(child) => Some(child.clone()),
            _ => self.topology.parent(&self.here).cloned(),
        };
        let Some(neighbour) = neighbour else { return Vec::new() };
        match self.asker.ask(link, Ask::Trace(id.clone()), within).await {
            Ok(Told::Trace(mut hops)) => {
                // each speaks for its own side of the link
                hops.retain(|hop| match link {
                    Link::Down(child) => hop.station.is_within(child),
                    _ => !hop.station.is_within(&self.here),
                });
                hops
            }
            Ok(_) => vec![Hop::dark(neighbour, &Silence::Astray.to_string())],
            Err(silence @ Silence::Refused(_)) => {
                vec![Hop { state: HopState::Unknown, ..Hop::dark(neighbour, &silence.to_string()) }]
            }
            Err(silence) => vec![Hop::dark(neighbour, &silence.to_string())],
        }
    }
}
