//! What messages mean: incidents and cases take their steps here, at the station that handles them.
//!
//! A message that is for this station's inbox is weighed before it is taken. An illegal step is
//! taken but not delivered: its outcome is `rejected`, with the reason. A step whose subject is not
//! here yet waits for it; one that takes its subject back leaves a tombstone.

use yizhan_schemas::payload::incident::Severity;
use yizhan_schemas::payload::incident::update::Step as Taken;
use yizhan_schemas::payload::matter::Word;
use yizhan_schemas::payload::receipt::Event;
use yizhan_schemas::payload::stats::{Family, Measure};
use yizhan_schemas::{Answer, Code, Envelope, Kind, MessageId, Outcome};

use super::Station;
use crate::ladder::{self, Move};
use crate::lifecycle;
use crate::link::Link;
use crate::matter::{Body, Change, Matter, Moment, Stage, To, Until};
use crate::matters::{LIVE_MAX, Standing};
use crate::mutant::{self, Mutant};
use crate::record::{Leg, Put, Record};
use crate::step::Step;
use crate::time::Now;

/// What a message for this station's inbox does.
#[derive(Debug)]
pub(super) enum Act {
    /// Nothing that a station has to know of.
    Nothing,
    /// It opens a matter, whose steps may have deadlines.
    Open(Option<Change>),
    /// It moves one, and its origin is told so.
    Change { change: Change, told: Option<(MessageId, Answer, Option<String>)> },
    /// It is not delivered.
    Refuse { outcome: Outcome, why: String, family: Family },
    /// It waits.
    Park(Until),
    /// It takes these back.
    TakeBack { ids: Vec<MessageId>, outcome: Outcome },
}

impl Station {
    /// Weighs a message that has these legs: what it does here, and the legs that it keeps.
    pub(super) fn weigh(
        &self,
        now: Now,
        envelope: &Envelope,
        mut legs: Vec<Leg>,
    ) -> (Vec<Leg>, Act) {
        // what loudspeakers get is taken back like what people get
        let spoken = envelope.header().kind.is_for_loudspeakers();
        let for_here = |leg: &Leg| leg.link == Link::Inbox || (spoken && leg.link == Link::Adapter);
        if !legs.iter().any(for_here) {
            return (legs, Act::Nothing);
        }
        let act = self.judge(now, envelope);
        if matches!(act, Act::Refuse { .. } | Act::Park(_)) {
            legs.retain(|leg| !for_here(leg));
        }
        (legs, act)
    }

    fn judge(&self, now: Now, envelope: &Envelope) -> Act {
        let header = envelope.header();
        let id = header.id();
        if let Some(outcome) = self.kept.matters.taken_back(&id) {
            let family = family(&header.kind);
            return Act::Refuse { outcome, why: "it was taken back before it came".into(), family };
        }
        let content_type = header.content_type.as_deref();
        // what this version cannot read is for applications to make sense of
        let word = Word::read(&header.kind, content_type, envelope.payload());
        let Some(Ok(word)) = word else { return Act::Nothing };
        match self.weigh_word(now, &id, &word, envelope) {
            Ok(act) => act,
            Err(why) => {
                Act::Refuse { outcome: Outcome::Rejected, why, family: family(&header.kind) }
            }
        }
    }

    /// True if it is for this station to deal with, and no copy.
    fn handles(&self, envelope: &Envelope) -> bool {
        self.topology.selects(envelope.header().handled_by(), &self.here)
    }

    fn weigh_word(
        &self,
        now: Now,
        id: &MessageId,
        word: &Word,
        envelope: &Envelope,
    ) -> Result<Act, String> {
        let Some(subject) = word.subject() else {
            return match word {
                Word::TakesBack { references } => self.weigh_taking_back(id, references),
                Word::Reported { severity, .. } => {
                    Ok(self.weigh_report(now, id, *severity, envelope))
                }
                _ => self.weigh_case(envelope),
            };
        };
        self.may_speak(&id.origin, subject)?;
        if let Word::Applied { .. } = word {
            // it is a case of its own here
            return self.weigh_case(envelope);
        }
        let stage = match self.kept.matters.standing(subject) {
            Standing::Untouched => Stage::Reported,
            Standing::Live(matter) => matter.stage,
            Standing::Ended => return self.weigh_behind_end(now, subject, word),
            Standing::Unknown => return Ok(self.weigh_unknown(envelope, subject, word)),
        };
        self.weigh_step(now, id, stage, word, subject)
    }

    fn weigh_case(&self, envelope: &Envelope) -> Result<Act, String> {
        self.place_for_case()?;
        Ok(if self.handles(envelope) { Act::Open(None) } else { Act::Nothing })
    }

    /// The steps of a report have deadlines where a rule says so, and there is room to follow it.
    fn weigh_report(
        &self,
        now: Now,
        id: &MessageId,
        severity: Severity,
        envelope: &Envelope,
    ) -> Act {
        if !self.handles(envelope) {
            return Act::Nothing;
        }
        let header = envelope.header();
        let rule = self.topology.deadlines(&header.kind, severity.word());
        let rule = rule.filter(|_| self.kept.matters.live_len() < LIVE_MAX);
        Act::Open(rule.map(|rule| {
            let rises = rule.escalate_after.is_some() && self.topology.parent(&self.here).is_some();
            let body = rises.then(|| Body {
                content_type: header.content_type.clone(),
                payload: envelope.payload().clone(),
            });
            Change::Timed { id: id.clone(), severity, body, at: Moment::of(now, self.boot) }
        }))
    }

    /// Who reported a matter may speak of it, and so may the stations above.
    fn may_speak(&self, origin: &Code, subject: &MessageId) -> Result<(), String> {
        let reported_by = self.topology.current(&subject.origin).unwrap_or(&subject.origin);
        if reported_by.is_within(origin) || *origin == self.here {
            return Ok(());
        }
        Err(format!("{origin} has no say in {subject}, which is of {reported_by}"))
    }

    fn place_for_case(&self) -> Result<(), String> {
        let live = self.kept.matters.live_len();
        if live < LIVE_MAX {
            return Ok(());
        }
        Err(format!("{live} matters are under way here already, at most are {LIVE_MAX}"))
    }

    fn weigh_behind_end(&self, now: Now, subject: &MessageId, word: &Word) -> Result<Act, String> {
        match word {
            Word::Evaluated { .. } if !self.kept.matters.is_closed_case(subject) => {
                Err(format!("{subject} is no case that was closed"))
            }
            Word::Evaluated { .. } => {
                let at = Moment::of(now, self.boot);
                let change = Change::Evaluated { id: subject.clone(), at };
                Ok(Act::Change { change, told: None })
            }
            _ => Err(format!("{subject} has ended here; open a new one that refers to it")),
        }
    }

    /// A step about something that is no matter of this station's.
    fn weigh_unknown(&self, envelope: &Envelope, subject: &MessageId, word: &Word) -> Act {
        let family = family(&envelope.header().kind);
        if self.kept.matters.taken_back(subject).is_some() {
            let why = never_was(subject);
            return Act::Refuse { outcome: Outcome::Rejected, why, family };
        }
        if self.kept.seen.contains(subject) {
            // a copy of a step, as the report was one
            return Act::Nothing;
        }
        if let Word::Step { step: Taken::Cancelled, .. } = word {
            return Act::TakeBack { ids: vec![subject.clone()], outcome: Outcome::Superseded };
        }
        if !self.kept.matters.may_park(envelope.bytes().len()) {
            let why = format!("{subject} is not here, and too many steps wait for theirs");
            return Act::Refuse { outcome: Outcome::Rejected, why, family };
        }
        Act::Park(Until::Subject(subject.clone()))
    }

    /// An origin may take back what it said itself.
    fn weigh_taking_back(&self, id: &MessageId, references: &[MessageId]) -> Result<Act, String> {
        if let Some(foreign) = references.iter().find(|other| other.origin != id.origin) {
            return Err(format!("{id} may not take back {foreign}, which is another's"));
        }
        let unseen = references.iter().filter(|other| !self.kept.seen.contains(other));
        Ok(match unseen.cloned().collect::<Vec<_>>() {
            ids if ids.is_empty() => Act::Nothing,
            ids => Act::TakeBack { ids, outcome: Outcome::Superseded },
        })
    }

    fn weigh_step(
        &self,
        now: Now,
        id: &MessageId,
        stage: Stage,
        word: &Word,
        subject: &MessageId,
    ) -> Result<Act, String> {
        let at = Moment::of(now, self.boot);
        let stepped = |to: To, measure: Measure| {
            let (id, above) = (subject.clone(), None);
            Change::Stepped { id, to, measure: Some(measure), above, at }
        };
        let tell = |answer, remark| Some((subject.clone(), answer, remark));
        let (change, told) = match word {
            Word::Step { step, reason, .. } => {
                if stage == Stage::Reported && self.kept.matters.get(subject).is_none() {
                    self.place_for_case()?;
                }
                let checked = lifecycle::step(stage, *step, reason.as_deref());
                let (to, measure) = match checked {
                    Err(_) if mutant::is(Mutant::IllegalStepTaken) => {
                        (To::Stage(Stage::Accepted), Measure::Accepted)
                    }
                    checked => checked?,
                };
                (stepped(to, measure), said_of(*step).and_then(|it| tell(it, reason.clone())))
            }
            Word::Attempted { .. } => {
                ladder::step(stage, Move::Attempt)?;
                let attempts = self.kept.matters.get(subject).map_or(0, |it| it.attempts.len());
                if attempts >= yizhan_schemas::payload::case::ATTEMPTS_MAX {
                    return Err(format!("{subject} has {attempts} attempts, no more are kept"));
                }
                (Change::Attempted { id: subject.clone(), by: id.clone(), at }, None)
            }
            Word::Accepted { .. } => {
                let (to, measure) = ladder::step(stage, Move::Accept)?;
                (stepped(to, measure), tell(Answer::Acknowledged, None))
            }
            Word::Returned { reason, .. } => {
                let (to, measure) = ladder::step(stage, Move::Return)?;
                (stepped(to, measure), tell(Answer::Failed, Some(reason.clone())))
            }
            Word::Closed { .. } => {
                let (to, measure) = ladder::step(stage, Move::Close)?;
                (stepped(to, measure), tell(Answer::Completed, None))
            }
            Word::Evaluated { .. } => return Err(format!("{subject} is not closed yet")),
            _ => return Ok(Act::Nothing),
        };
        Ok(Act::Change { change, told })
    }

    /// Whether an own application may go up, before it is taken.
    pub(super) fn may_apply(&self, now: Now, kind: &Kind, word: &Word) -> Result<(), String> {
        let Word::Applied { subject, history, .. } = word else { return Ok(()) };
        let Some(matter) = self.kept.matters.get(subject) else {
            return Err(format!("{subject} is no case that is open at {}", self.here));
        };
        ladder::step(matter.stage, Move::Apply)?;
        let age_ms = matter.taken.ago_ms(now, &self.clock);
        ladder::may_rise(matter.attempts.len(), age_ms, self.topology.ladder(kind))?;
        ladder::tells_all(&matter.attempts, history)
    }

    /// An own application is on its way: the case goes by its id up there.
    pub(super) fn applied(&mut self, now: Now, id: MessageId, above: &MessageId, step: &mut Step) {
        let change = Change::Stepped {
            id,
            to: To::Stage(Stage::Applied),
            measure: Some(Measure::Raised),
            above: Some(above.clone()),
            at: Moment::of(now, self.boot),
        };
        self.change(now, change, step);
    }

    /// Does what a message that was just taken does.
    pub(super) fn act(&mut self, now: Now, id: &MessageId, act: Act, step: &mut Step) {
        let at = Moment::of(now, self.boot);
        match act {
            Act::Nothing => {}
            Act::Open(timed) => {
                if let Some(timed) = timed {
                    self.change(now, timed, step);
                }
                self.resume_waiting_for(now, id, step);
            }
            Act::Change { change, told } => {
                self.change(now, change, step);
                if let Some((subject, answer, remark)) = told {
                    self.became(&subject, Event::Answered { answer, remark });
                }
            }
            Act::Refuse { outcome, why, family } => {
                self.ended_at(id, [self.here.clone()], outcome, Some(&why));
                if outcome == Outcome::Rejected {
                    self.change(now, Change::Refused { family, at }, step);
                }
            }
            // whoever took it has set it aside
            Act::Park(_) => self.set_waking(now),
            Act::TakeBack { ids, outcome } => {
                for id in ids {
                    self.refuse_waiting_for(now, &id, step);
                    self.change(now, Change::Tombstone { id, outcome, at }, step);
                }
            }
        }
    }

    /// Writes a change down, and sets the clock of the matter anew.
    pub(super) fn change(&mut self, now: Now, change: Change, step: &mut Step) {
        let id = match &change {
            Change::Timed { id, .. }
            | Change::Stepped { id, .. }
            | Change::Carded { id, .. }
            | Change::Attempted { id, .. } => Some(id.clone()),
            _ => None,
        };
        self.write(step, Record::Matter(change));
        if let Some(id) = id {
            self.watch_matter(now, &id);
        }
    }

    /// The tier above answered what this one sent up.
    pub(super) fn heard_from_above(
        &mut self,
        now: Now,
        id: &MessageId,
        answer: Answer,
        remark: Option<&str>,
        step: &mut Step,
    ) {
        if mutant::is(Mutant::AnswerFromAboveForgotten) {
            return;
        }
        let Some((here, matter)) = self.kept.matters.known_above_as(id) else { return };
        let (here, above) = (here.clone(), Some(id.clone()));
        let (to, above) = match answer {
            Answer::Acknowledged => (To::Stage(Stage::Risen), above),
            Answer::Completed => (To::End, None),
            Answer::Failed => (To::Stage(back(matter)), None),
        };
        let at = Moment::of(now, self.boot);
        let change = Change::Stepped { id: here.clone(), to, measure: None, above, at };
        self.change(now, change, step);
        let remark = remark.map(str::to_owned);
        self.became(&here, Event::Answered { answer, remark });
    }
}

/// What is written down of a message that is to wait: all of it, without legs.
pub(super) fn parked(put: &Put, act: &Act) -> Option<Change> {
    let Act::Park(until) = act else { return None };
    let put = Box::new(Put { legs: Vec::new(), ..put.clone() });
    Some(Change::Parked { put, until: until.clone() })
}

/// Where a matter stands that the tier above sent back.
fn back(matter: &Matter) -> Stage {
    match matter.family {
        Family::Incident => Stage::Returned,
        Family::Case => Stage::Open,
    }
}

/// What the origin of a report hears of a step.
fn said_of(step: Taken) -> Option<Answer> {
    match step {
        Taken::Accepted => Some(Answer::Acknowledged),
        Taken::Closed => Some(Answer::Completed),
        Taken::Returned => Some(Answer::Failed),
        _ => None,
    }
}

/// Why a step is refused whose subject was taken back before it came.
pub(super) fn never_was(subject: &MessageId) -> String {
    format!("{subject} was taken back before it came here; open a new one that refers to it")
}

pub(super) fn family(kind: &Kind) -> Family {
    if kind.family() == Family::Case.word() { Family::Case } else { Family::Incident }
}
