//! A publisher hands in a message.

use yizhan_schemas::reply::{Accepted, ErrorCode, Grade, Refusal};
use yizhan_schemas::{Envelope, Header, MessageId};

use super::Station;
use crate::admit::{self, Room, Terms};
use crate::draft::Draft;
use crate::effect::{Effect, Verdict};
use crate::input::Ticket;
use crate::keys::Standing;
use crate::record::{Put, Record};
use crate::step::Step;
use crate::time::Now;

impl Station {
    pub(super) fn on_submitted(&mut self, now: Now, ticket: Ticket, draft: Draft, step: &mut Step) {
        let verdict = match self.repeated(&draft) {
            Some(verdict) => verdict,
            None => match self.take_new(now, draft, step) {
                Ok(id) => self.accepted(id, false),
                Err(refusal) => Verdict::Refused(refusal),
            },
        };
        step.after(Effect::Reply { ticket, verdict });
    }

    /// The verdict on a key that was used before, or that nobody can tell about yet.
    fn repeated(&self, draft: &Draft) -> Option<Verdict> {
        let key = draft.key.as_ref()?;
        match self.kept.keys.standing(key, &draft.known) {
            Standing::New => None,
            Standing::Same(id) => Some(self.accepted(id, true)),
            Standing::Unsure => Some(Verdict::LookAgain),
            Standing::Other(id) => Some(Verdict::Refused(Refusal::new(
                ErrorCode::IdConflict,
                format!(
                    "id `{}` of source `{}` was used for another body, taken as {id}; \
                     a new event needs a new id",
                    key.key, key.scope
                ),
            ))),
        }
    }

    fn accepted(&self, id: MessageId, duplicate: bool) -> Verdict {
        Verdict::Accepted(Accepted {
            id,
            status: Grade::Accepted,
            station: self.here.clone(),
            duplicate,
            timed_out: false,
        })
    }

    fn take_new(&mut self, now: Now, draft: Draft, step: &mut Step) -> Result<MessageId, Refusal> {
        let room = Room {
            held_bytes: self.disk.held_bytes,
            max_bytes: self.disk.max_bytes,
            flash_reserve_percent: self.settings.flash_reserve_percent,
        };
        let limit = self.settings.payload_bytes_max;
        let terms = admit::admit(&self.topology, &self.here, &draft, limit, room)?;
        let key = draft.key.clone();
        let envelope = self.envelope(now, draft, terms)?;
        let (id, lane) = (envelope.header().id(), envelope.header().lane);
        let legs = self.legs(&envelope, None);
        assert!(!legs.is_empty(), "an admitted message has somewhere to go");
        self.moved(now, lane, &legs);
        let put = Put {
            envelope,
            via: None,
            age_ms: 0,
            age_unknown: false,
            hops: 0,
            boot: self.boot,
            taken_boot_ms: now.boot_ms(),
            taken_wall_ms: now.wall_ms,
            legs,
            key,
            late: false,
            targets: Vec::new(),
        };
        self.perishing.watch(&put);
        self.write(step, Record::Put(put));
        Ok(id)
    }

    fn envelope(&self, now: Now, draft: Draft, terms: Terms) -> Result<Envelope, Refusal> {
        let header = Header {
            origin: self.here.clone(),
            epoch: self.epoch,
            lane: terms.lane,
            sequence: self.kept.issued.get(terms.lane).saturating_add(1),
            kind: draft.kind,
            to: terms.to,
            handle: terms.handle,
            notify: terms.notify,
            accepted_ms: now.wall_ms,
            ttl_ms: terms.ttl_ms,
            content_type: draft.content_type,
            traceparent: draft.traceparent,
            ce_id: draft.ce_id,
            ce_source: draft.ce_source,
            ce_time: draft.ce_time,
            ce_extensions: draft.ce_extensions,
            references: Vec::new(),
        };
        Envelope::make(header, &draft.payload).map_err(|fault| {
            Refusal::new(ErrorCode::TooLarge, format!("header and payload together: {fault}"))
        })
    }
}
