//! [`Oracle`]: what must be true, judged from outside the stations.
//!
//! It knows what publishers were told, what inboxes hold, what virtual time it really is, and
//! which disks held what when a store was lost. It never asks a station.
//!
//! | promise (design §3) | how it is judged |
//! |---|---|
//! | accepted means on disk | at the reply, the message must be on the synced part of the disk |
//! | nothing accepted is lost | at the end, every (message, target) is in the inbox, or too old, or excused |
//! | authentic | what enters an inbox is what its origin took, and came under a seal of its origin |
//! | once | no inbox holds an id twice, nor a publisher's key under two ids |
//! | in order | per origin and lane, by opening and sequence, in every inbox; what is marked late may be so only where a store was touched, or if it waited |
//! | never stale | the true age on entering an inbox is within the time to live |
//! | urgent first | where nothing is wrong, a flash message waits for no backlog, and once a line is known no more bulk waits for its modem than a round trip and 250 ms of it |
//! | at most once | an adapter is asked once, and not too late; how that ended is what its origin knows |
//! | accounted | every (message, target) has one outcome at its origin, the right one; the stations' own counts balance at every commit |
//! | matters go their way | every step is taken, refused or kept waiting as [`matters`] says of what the station's disk took, in that order; what its pages show and count is that |
//!
//! Excused is a (message, target) only if, at the moment a store was lost or put back, neither
//! that store's copy nor its neighbours on the message's way had it durable.

mod account;
mod devices;
pub mod matters;
mod order;
mod owed;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use yizhan_core::input::Attempted;
use yizhan_core::seal::Checked;
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::{Answer, Envelope, Epoch, MessageId, Outcome};

use crate::plan::{Faults, Plan};
use crate::tree::Tree;
use crate::workload::Matter;

use account::Account;
use devices::Devices;
use matters::End;
use order::Order;
pub use verdict::Verdict;

/// Faults listed at most: one that follows from another helps nobody.
const FAULTS_MAX: usize = 20;
/// A clock that drifts makes an age wrong by at most this share, parts per million, both ends.
const DRIFT_PPM: u64 = 1_000;

/// Flash that was taken so long before other flash is out of its way, microseconds.
const FLASH_BEFORE_US: u64 = 2_000_000;

/// What stations show of their own messages.
pub trait Pages {
    /// How a message of `origin` ended at a target.
    fn outcome(&self, origin: usize, id: &MessageId, target: usize) -> Option<Outcome>;
    /// True if `origin` knows this answer.
    fn is_answered(&self, origin: usize, id: &MessageId, target: usize, answer: Answer) -> bool;
}

/// The view from outside.
#[derive(Debug)]
pub struct Oracle {
    tree: Tree,
    matters: Vec<Matter>,
    /// Every message that a disk ever had, by id.
    accounts: BTreeMap<MessageId, Account>,
    /// What the publisher of each key was told.
    told: BTreeMap<u64, Vec<MessageId>>,
    /// What came to a station under a valid seal: the station, whose seal, the message.
    sealed: BTreeSet<(usize, usize, Digest)>,
    order: Order,
    devices: Devices,
    /// How messages about matters ended where they were for, by what those stations took.
    ends: BTreeMap<(usize, MessageId), End>,
    /// Those that waited there: others may have passed them.
    waited: BTreeSet<(usize, MessageId)>,
    /// Keys whose publishers need no other answer than they got.
    spared: BTreeSet<u64>,
    /// Stations whose stores were lost or put back.
    touched: BTreeSet<usize>,
    plan: Plan,
    /// True once the matters of the encore are owed too.
    encore: bool,
    /// What one healthy link may add to an age unnoticed, microseconds.
    hop_error_us: u64,
    faults: Vec<String>,
}

impl Oracle {
    /// The oracle of a story.
    pub fn of(tree: &Tree, matters: &[Matter], plan: &Plan) -> Self {
        Self {
            tree: tree.clone(),
            matters: matters.to_vec(),
            accounts: BTreeMap::new(),
            told: BTreeMap::new(),
            sealed: BTreeSet::new(),
            order: Order::default(),
            devices: Devices::default(),
            ends: BTreeMap::new(),
            waited: BTreeSet::new(),
            spared: BTreeSet::new(),
            touched: BTreeSet::new(),
            plan: plan.clone(),
            encore: false,
            hop_error_us: plan.transit_us_max() + 10_000,
            faults: Vec::new(),
        }
    }

    /// Something that must not be.
    pub fn fault(&mut self, what: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(what);
        }
    }

    /// True if there is no sense in going on.
    pub fn is_appalled(&self) -> bool {
        self.faults.len() >= FAULTS_MAX
    }

    /// A data directory was opened.
    pub fn opened(&mut self, host: usize, epoch: Epoch) {
        self.order.opened(host, epoch);
    }

    /// A publisher's message became durable at its origin.
    pub fn taken(&mut self, host: usize, envelope: &Envelope, now_us: u64) {
        if envelope.header().kind.is_internal() {
            return; // receipts are the stations' own
        }
        let key = Matter::key_of(envelope.payload());
        let matter = key.and_then(|key| self.matters.get(usize::try_from(key).ok()?));
        let Some(matter) = matter else {
            return self.fault(format!("{host} took what nobody handed in"));
        };
        let targets = self.tree.resolve(matter.whom);
        let account = Account::new(matter, targets, envelope, now_us);
        self.accounts.entry(envelope.header().id()).or_insert(account);
    }

    /// A publisher was told that its message is on disk.
    pub fn accepted(&mut self, host: usize, key: u64, id: MessageId, durable: bool) {
        let fresh = !self.told.get(&key).is_some_and(|ids| ids.contains(&id));
        if !durable {
            self.fault(format!("accepted: {host} said {id} is on disk, and it is not"));
        }
        let told = self.told.entry(key).or_default();
        let earlier = told.first().cloned();
        if fresh {
            told.push(id.clone());
        }
        // who lost its store has forgotten its publishers' keys
        if let Some(earlier) = earlier.filter(|e| *e != id && !self.touched.contains(&host)) {
            self.fault(format!("once: key {key} was taken as {earlier} and again as {id}"));
        }
        match self.accounts.get_mut(&id) {
            Some(account) => account.told = true,
            None => self.fault(format!("accepted: {id} was on no disk when it was accepted")),
        }
    }

    /// From now on, what is handed in last is owed too.
    pub fn expects_encore(&mut self) {
        self.encore = true;
    }

    /// True if that is so already.
    pub fn is_encore(&self) -> bool {
        self.encore
    }

    /// True if the publisher of a key was answered.
    pub fn was_told(&self, key: u64) -> bool {
        self.told.contains_key(&key)
    }

    /// Records came to a station: those under a valid seal may enter its inbox.
    pub fn arrived(&mut self, host: usize, body: &Checked) {
        for (digest, owner) in body.covered() {
            if let Some(owner) = self.tree.station(owner) {
                self.sealed.insert((host, owner, digest));
            }
        }
    }

    /// A message entered an inbox.
    pub fn entered(&mut self, host: usize, envelope: &Envelope, late: bool, now_us: u64) {
        let id = envelope.header().id();
        let Some(account) = self.accounts.get(&id) else {
            return self.fault(format!("authentic: {id} entered {host} and nobody took it"));
        };
        let mut faults = Vec::new();
        if *envelope.bytes() != account.bytes {
            faults.push(format!("authentic: {id} was altered on its way to {host}"));
        }
        if host != account.host && !self.sealed.contains(&(host, account.host, envelope.digest())) {
            faults.push(format!("authentic: {id} entered {host} without a seal of its origin"));
        }
        if !account.targets.contains(&host) {
            faults.push(format!("{id} entered {host} and is not for it"));
        }
        let hops = self.tree.route(account.host, host).len() as u64 - 1;
        if let Some(over_ms) = self.stale_ms(host, &id, now_us) {
            faults.push(format!("never stale: {id} entered {host} {over_ms} ms too late"));
        }
        if let Some(wait_us) = account.flash_wait_us(now_us)
            && self.plan.faults == Faults::default()
            && wait_us > self.plan.flash_us_max(hops, self.flash_before(account))
        {
            faults.push(format!("urgent first: {id} waited {wait_us} us on its way to {host}"));
        }
        // what was altered once comes as it was if the two ends find that their histories differ
        let route = self.tree.route(account.host, host);
        let touched =
            route.iter().any(|at| self.touched.contains(at)) || account.is_tampered_on(&route);
        let waited = self.waited.contains(&(host, id.clone()));
        if late && !touched && !waited {
            faults
                .push(format!("in order: {id} is marked late at {host}, and no store was touched"));
        }
        let forgotten = self.touched.contains(&account.host);
        let entered =
            self.order.entered(host, account.host, account.key, &id, late, (touched, forgotten));
        faults.extend(entered);
        faults.into_iter().for_each(|fault| self.fault(fault));
    }

    /// Flash messages that its station took shortly before a message, or together with it.
    fn flash_before(&self, account: &Account) -> u64 {
        let others =
            self.accounts.values().filter(|other| account.is_behind(other, FLASH_BEFORE_US));
        others.count() as u64
    }

    /// A station's process ended.
    pub fn ended(&mut self, host: usize) {
        self.devices.ended(host);
    }

    /// An adapter is asked to carry out a command.
    pub fn asked(&mut self, host: usize, envelope: &Envelope, result: &Attempted, now_us: u64) {
        let id = envelope.header().id();
        let again = self.devices.asked(host, &id, result) && !self.touched.contains(&host);
        if again {
            self.fault(format!("at most once: the device of {id} was asked again at {host}"));
        }
        match self.accounts.get(&id) {
            Some(account) if account.video && account.targets.contains(&host) => {}
            _ => return self.fault(format!("{host} asked a device for {id}, which is not for it")),
        }
        if let Some(over_ms) = self.stale_ms(host, &id, now_us) {
            self.fault(format!(
                "never stale: {id} was carried out at {host} {over_ms} ms too late"
            ));
        }
    }

    fn stale_ms(&self, host: usize, id: &MessageId, now_us: u64) -> Option<u64> {
        let account = self.accounts.get(id)?;
        let hops = self.tree.route(account.host, host).len() as u64 - 1;
        account.stale_ms(now_us, hops * self.hop_error_us, DRIFT_PPM)
    }

    /// An application was told that its answer is noted, or that it is not.
    pub fn answered(&mut self, host: usize, id: &MessageId, answer: Answer, noted: bool) {
        if noted {
            self.devices.answered(host, id, answer);
        } else if !self.touched.contains(&host) {
            self.fault(format!("{host} would not hear an answer to {id}, which is in its inbox"));
        }
    }

    /// An inbox lost its tail, or is another one: this is in it.
    pub fn inbox_is(&mut self, host: usize, messages: &[MessageId]) {
        self.order.put_back(host, messages);
    }

    /// Somebody altered a message on a link, or one that was sealed with it: those behind the link
    /// get it only if it is sent again.
    pub fn tampered(&mut self, from: usize, to: usize, id: &MessageId) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        account.tampered.insert((from, to));
        for target in &account.targets {
            if account.is_tampered_on(&self.tree.route(account.host, *target)) {
                account.excused.insert(*target);
            }
        }
    }

    /// A store was lost or put back. `kept` says what its copy ever had, `refills` whether the
    /// station before it on a message's way can give it that again, `had` whether the station
    /// behind it has taken it over.
    pub fn store_lost(
        &mut self,
        host: usize,
        kept: &dyn Fn(&MessageId) -> bool,
        refills: &dyn Fn(usize, &MessageId) -> bool,
        had: &dyn Fn(usize, &MessageId) -> bool,
    ) {
        self.touched.insert(host);
        for (id, account) in self.accounts.iter_mut().filter(|(id, _)| !kept(id)) {
            for target in &account.targets {
                let route = self.tree.route(account.host, *target);
                let Some(at) = route.iter().position(|at| *at == host) else { continue };
                let before = at.checked_sub(1).and_then(|at| route.get(at));
                let behind = route.get(at + 1);
                let safe = before.is_some_and(|at| refills(*at, id))
                    || behind.is_some_and(|at| had(*at, id));
                if !safe {
                    account.excused.insert(*target);
                }
            }
        }
    }

    /// A station has given up what it had handed over to a neighbour whose store has not got it:
    /// lost there since, and not asked for again yet.
    pub fn cannot_refill(&mut self, host: usize, neighbour: usize, id: &MessageId) {
        let touched = self.touched.contains(&neighbour);
        let Some(account) = self.accounts.get_mut(id) else { return };
        if !touched {
            // a leg may have ended because it was too old, not because it was handed over
            if !account.is_perishable() && !account.tampered.contains(&(host, neighbour)) {
                self.fault(format!("lost: {host} forgot {id}, which {neighbour} never had"));
            }
            return;
        }
        for target in &account.targets {
            let route = self.tree.route(account.host, *target);
            if route.windows(2).any(|two| two == [host, neighbour]) {
                account.excused.insert(*target);
            }
        }
    }

    /// Payload bytes of all that was accepted, once for each target.
    pub fn bytes(&self) -> u64 {
        self.accounts.values().map(Account::weight).sum()
    }

    /// Pairs of a message and a target.
    pub fn pairs(&self) -> usize {
        self.accounts.values().map(|account| account.targets.len()).sum()
    }
}
