//! A publisher hands in a message.

use yizhan_schemas::payload::matter::Word;
use yizhan_schemas::reply::{Accepted, ErrorCode, Grade, Refusal};
use yizhan_schemas::{Code, Envelope, Header, MessageId};

use super::Station;
use super::govern::Act;
use crate::admit::{self, Terms};
use crate::awaited::Wanted;
use crate::draft::Draft;
use crate::effect::{Effect, Verdict};
use crate::input::Ticket;
use crate::keys::Standing;
use crate::mutant::check;
use crate::record::Put;
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
        let limit = self.settings.payload_bytes_max;
        let terms = admit::admit(&self.topology, &self.here, &draft, limit)?;
        self.admit_policy(&draft)?;
        let lane = terms.lane;
        self.flash_fault(now, lane)?;
        let word = word_of_ours(&draft);
        if let Some(word) = &word {
            let allowed = self.may_apply(now, &draft.kind, word);
            allowed.map_err(|why| Refusal::new(ErrorCode::Forbidden, why))?;
        }
        let hour_ms = draft.not_before_ms.filter(|hour_ms| *hour_ms > now.wall_ms);
        let targets = self.targets(&terms);
        let (key, wants) = (draft.key.clone(), draft.wants.clone());
        let envelope = self.envelope(now, draft, terms)?;
        let id = envelope.header().id();
        // few messages want an answer: of all others nobody asks whom they reach
        let wanted = wants.map(|wants| {
            let to = envelope.header().handled_by();
            let stations = self.topology.resolve(to);
            Wanted::new(to.clone(), wants, hour_ms.unwrap_or(now.wall_ms), stations)
        });
        let legs = self.legs(&envelope, None);
        check!(!legs.is_empty(), "an admitted message has somewhere to go");
        let bytes = envelope.bytes().len();
        // what turns out to be illegal, or has to wait, takes room as well
        if !self.has_room(lane, bytes, &legs, false) {
            return Err(self.room_fault());
        }
        let (legs, act) = match hour_ms {
            Some(hour_ms) => self.scheduled(&envelope, hour_ms)?,
            None => self.weigh(now, &envelope, legs),
        };
        self.owes(bytes, &legs);
        self.moved(now, lane, &legs);
        let opens = matches!(act, Act::Open(_));
        let put = Put { key, targets, opens, ..Put::of_our_own(envelope, now, self.boot, legs) };
        self.take_and_act(now, put, act, step);
        match word {
            Some(Word::Applied { subject, .. }) => self.applied(now, subject, &id, step),
            Some(Word::TakesBack { references }) => {
                self.withdraw(now, &references, step);
                self.await_no_more(&references, step);
            }
            _ => {}
        }
        if let Some(wanted) = wanted {
            self.await_answers(now, id.clone(), wanted, step);
        }
        Ok(id)
    }

    /// The stations that a message is for, fixed when it is taken: those that policy names too.
    fn targets(&self, terms: &Terms) -> Vec<Code> {
        let mut stations = self.topology.resolve(terms.handle.as_ref().unwrap_or(&terms.to));
        let notify = terms.notify.iter();
        stations.extend(notify.flat_map(|notify| self.topology.resolve(notify)));
        stations.into_iter().collect()
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

/// What a draft says that its own station has to know of, whomever it is for: others are weighed
/// where they are dealt with.
fn word_of_ours(draft: &Draft) -> Option<Word> {
    let speaks = match draft.kind.family() {
        "case" => draft.kind.name() == "apply",
        family => matches!(family, "directive" | "broadcast"),
    };
    let read = || Word::read(&draft.kind, draft.content_type.as_deref(), &draft.payload);
    speaks.then(read).flatten().and_then(Result::ok)
}
