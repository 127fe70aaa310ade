//! Who may say what: the rules that every hop holds messages to, and the root's word on keys.
//!
//! A seal says who speaks; the rules say whether that station may address those targets with that
//! kind. Both are asked at every hop, since the hop before may be in the wrong hands.

use std::sync::Arc;

use yizhan_schemas::payload::policy;
use yizhan_schemas::reply::{ErrorCode, Refusal};
use yizhan_schemas::{Code, Envelope, Header, MessageId, Selector};
use yizhan_topology::rights::overreach;
use yizhan_topology::ruling::{Ruling, in_force};
use yizhan_topology::{Amendment, Holder};

use super::Station;
use crate::draft::Draft;
use crate::effect::{Effect, Notice};
use crate::record::Record;
use crate::step::Step;
use crate::time::Now;

impl Station {
    /// Why a message is none that its origin may send, if it is not.
    pub(super) fn forbidden(&self, envelope: &Envelope) -> Option<String> {
        let header = envelope.header();
        let id = header.id();
        let selectors = [Some(&header.to), header.handle.as_ref(), header.notify.as_ref()];
        for to in selectors.into_iter().flatten() {
            if let Some(target) = self.beyond_rights(header, to) {
                let (origin, kind) = (&header.origin, &header.kind);
                return Some(format!("{id}: {origin} may not send {kind} to `{target}`"));
            }
        }
        let root = self.topology.root();
        let foreign = set_of(envelope).is_some() && self.origin_now(header) != root;
        foreign.then(|| format!("{id} speaks of keys and rules, which only {root} may"))
    }

    /// A message of a renamed station was addressed from the place that it had then.
    fn beyond_rights(&self, header: &Header, to: &Selector) -> Option<String> {
        let over = overreach(&header.origin, &header.kind, to)?;
        overreach(self.origin_now(header), &header.kind, to)?;
        Some(over.target.to_string())
    }

    /// The code that a message's origin goes by now; an unknown one stays as it is.
    pub(super) fn origin_now<'a>(&'a self, header: &'a Header) -> &'a Code {
        self.topology.current(&header.origin).unwrap_or(&header.origin)
    }

    /// Whether a publisher's change of keys or rules may be sent to all stations.
    pub(super) fn admit_policy(&self, draft: &Draft) -> Result<(), Refusal> {
        if draft.kind.as_str() != policy::KIND {
            return Ok(());
        }
        let misfit = |why: String| Refusal::new(ErrorCode::SchemaInvalid, why);
        let read = policy::Set::read(draft.content_type.as_deref(), &draft.payload);
        let set = read.map_err(|why| misfit(format!("{}: {why}", policy::KIND)))?;
        if !set.speaks() {
            return Ok(());
        }
        let root = self.topology.root();
        if self.here != *root {
            let why =
                format!("{} may not change keys and rules; only {root}, the root, may", self.here);
            return Err(Refusal::new(ErrorCode::Forbidden, why));
        }
        let everybody = format!("{root}.>");
        let to = draft.to.as_ref().map(Selector::to_string);
        if to.as_deref() != Some(everybody.as_str()) {
            let why = format!("this concerns every station: valid is {everybody}");
            return Err(Refusal::new(ErrorCode::BadSelector, why));
        }
        if let Some(ruling) = Ruling::read(&set).map_err(misfit)? {
            let newest = self.kept.rulings.iter().map(|known| known.version).max().unwrap_or(0);
            let newest = newest.max(self.file.policy_version());
            if ruling.version <= newest {
                let version = ruling.version;
                return Err(misfit(format!("version {version} is not above {newest}, the newest")));
            }
            self.file.ruled(&ruling).map_err(misfit)?;
        }
        if !set.speaks_of_keys() {
            return Ok(());
        }
        let change = Amendment::read(&set).map_err(misfit)?;
        self.topology.judge(&change).map_err(misfit)?;
        self.kept.amendment.with(&change).map(drop).map_err(misfit)
    }

    /// What the root says of keys and rules, if this is a message in which it does.
    pub(super) fn word_of_root(&self, envelope: &Envelope) -> Option<Word> {
        let set = set_of(envelope)?;
        let header = envelope.header();
        let from_root = self.origin_now(header) == self.topology.root();
        from_root.then(|| Word { id: header.id(), set })
    }

    /// Believes from now on whom the root says. Where the root has no key in the file, whoever is
    /// above could speak for it, and nobody is heard.
    pub(super) fn heed(&mut self, now: Now, word: Word, step: &mut Step) {
        let known = self.root_is_known();
        match Ruling::read(&word.set).and_then(|ruling| {
            let fits =
                |ruling: Ruling| known.and_then(|()| self.file.ruled(&ruling)).map(|_| ruling);
            ruling.map(fits).transpose()
        }) {
            Ok(Some(ruling)) => {
                self.write(step, Record::Ruled(ruling));
                self.rule(now, step);
                self.set_waking(now);
            }
            Ok(None) => {}
            Err(why) => {
                let why = format!("{}: {why}", word.id);
                self.notice(step, Notice::Unheeded { why });
            }
        }
        if word.set.speaks_of_keys() {
            self.heed_keys(word, step);
        }
    }

    /// The version of the policy that counts here.
    pub fn policy_version(&self) -> u64 {
        self.topology.policy_version()
    }

    /// Follows the ruling whose time has come.
    pub(super) fn rule(&mut self, now: Now, step: &mut Step) {
        let due = in_force(&self.kept.rulings, now.wall_ms);
        let Some(ruling) = due.filter(|it| it.version > self.topology.policy_version()) else {
            return;
        };
        let version = ruling.version;
        match self.file.ruled(ruling) {
            Ok(ruled) => {
                self.ruled = Arc::new(ruled);
                self.topology = self.kept.amendment.over(&self.ruled);
                self.watch_matters(now);
                step.after(Effect::Amended(Arc::clone(&self.topology)));
                self.notice(step, Notice::Ruled { version });
            }
            Err(why) => self.notice(step, Notice::Unheeded { why }),
        }
    }

    fn heed_keys(&mut self, word: Word, step: &mut Step) {
        let change = self.root_is_known().and_then(|()| Amendment::read(&word.set));
        match change.and_then(|change| self.kept.amendment.with(&change)) {
            Ok(all) if all == self.kept.amendment => {}
            Ok(all) => {
                let (added, revoked) = all.counts();
                self.write(step, Record::Amended(all));
                self.topology = self.kept.amendment.over(&self.ruled);
                step.after(Effect::Amended(Arc::clone(&self.topology)));
                self.notice(step, Notice::Amended { added, revoked });
            }
            Err(why) => {
                let why = format!("{}: {why}", word.id);
                self.notice(step, Notice::Unheeded { why });
            }
        }
    }

    fn root_is_known(&self) -> Result<(), String> {
        let root = Holder::from(self.topology.root().clone());
        match self.file.keys_of(&root) {
            [] => Err(format!("the topology file lists no key of {}", root.station)),
            _ => Ok(()),
        }
    }

    /// Forgets changes that the topology file has taken over.
    pub(super) fn prune_amendment(&mut self, step: &mut Step) {
        let rest = self.kept.amendment.beyond(&self.file);
        if rest != self.kept.amendment {
            self.write(step, Record::Amended(rest));
        }
    }
}

/// The root's word on keys.
pub(super) struct Word {
    id: MessageId,
    set: policy::Set,
}

/// What a message says of keys and rules, if it is one that does.
fn set_of(envelope: &Envelope) -> Option<policy::Set> {
    let header = envelope.header();
    if header.kind.as_str() != policy::KIND {
        return None;
    }
    let set = policy::Set::read(header.content_type.as_deref(), envelope.payload()).ok()?;
    set.speaks().then_some(set)
}
