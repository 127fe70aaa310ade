//! Links: frames between the core and the buses.
//!
//! Promise: nothing is published while disconnected, a send is always answered, and whatever
//! arrives is a frame for the core or a counted, named refusal. No neighbour takes another's room.

mod carrier;
mod downlink;
mod inlet;
mod packing;
mod porch;
mod uplink;

pub use carrier::Carrier;
pub use downlink::Downlinks;
pub use packing::{Packer, PackingError, Unpacker};
pub use uplink::Uplink;

use bytes::Bytes;
use yizhan_core::input::Input;
use yizhan_core::link::Link;
use yizhan_core::seal::{Checked, Specimens};
use yizhan_schemas::frame::{Answer, Body, Frame, Query};

use crate::audit::{Audit, Deed};
use crate::telemetry::REFUSALS;

/// What is wrong with a frame that comes where its kind does not.
const OUT_OF_PLACE: &str = "a frame that has no business on this subject";

/// What a frame from a neighbour is.
#[derive(Debug)]
pub enum Came {
    /// Something for the core.
    Input(Input),
    /// A question, which is none of the core's business.
    Query(Query),
    /// A part of an answer.
    Answer(Answer),
}

/// What a frame from a neighbour is; hellos and welcomes are not for this way. Looks at
/// the seals of records: here, as that is more work than all that the loop does with them.
///
/// # Errors
/// What is wrong with it, in words.
pub fn came(
    link: Link,
    bytes: &Bytes,
    unpacker: &mut Unpacker,
    specimens: &dyn Specimens,
) -> Result<Came, String> {
    match Frame::decode(bytes).map_err(|fault| fault.to_string())? {
        Frame::Batch(batch) => {
            let raw = unpacker.unpack(batch.packing, batch.body);
            let raw = raw.map_err(|fault| format!("a packed body: {fault}"))?;
            let body = Body::decode(&raw).map_err(|fault| fault.to_string())?;
            let body = Checked::of(body, specimens);
            let (session, lane) = (batch.session, batch.lane);
            let (first, sent_ms) = (batch.first, batch.sent_ms);
            Ok(Came::Input(Input::Batch { link, session, lane, first, sent_ms, body }))
        }
        Frame::Ack(ack) => Ok(Came::Input(Input::Ack { link, ack })),
        Frame::Beat(beat) => Ok(Came::Input(Input::Beat { link, beat })),
        Frame::Nudge(_) if link == Link::Up => Ok(Came::Input(Input::Nudged)),
        Frame::Answer(answer) => Ok(Came::Answer(answer)),
        // a parent asks on a subject of its own
        Frame::Query(query) if link != Link::Up => Ok(Came::Query(query)),
        Frame::Nudge(_)
        | Frame::Hello(_)
        | Frame::Welcome(_)
        | Frame::Refused(_)
        | Frame::Query(_) => Err(OUT_OF_PLACE.to_owned()),
    }
}

/// Counts, logs and writes down a frame that is refused.
pub(crate) fn refuse(audit: &Audit, link: &Link, why: &str) {
    metrics::counter!("yizhan_frames_refused_total", "link" => link.word().to_owned()).increment(1);
    audit.note(Deed::refused("frame_refused", link.word(), "frame").detail(why));
    if let Some(before) = REFUSALS.due("frame_refused", link.word()) {
        tracing::warn!(event = "frame_refused", link = link.word(), why, before, "refused a frame");
    }
}
