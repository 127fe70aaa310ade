//! Stores lost and put back in a [`World`], and what nobody is to blame for after that.

use rand::Rng;
use yizhan_core::link::Link;

use super::World;
use super::event::Event;
use crate::disk::Disk;
use crate::index::Index;
use crate::stream::Stream;

impl World {
    /// A copy of what is durable.
    pub(super) fn keep_copy(&mut self, host: usize) {
        let Some(h) = self.hosts.get(host) else { return };
        let (mut disk, mut stream) = (h.disk.clone(), h.stream.clone());
        disk.cut_power();
        stream.sync();
        self.copies.insert(host, (disk, stream, h.index.clone()));
    }

    pub(super) fn replace_store(&mut self, host: usize, copy: Option<(Disk, Stream, Index)>) {
        self.figures.stores += 1;
        self.end_process(host, true);
        self.counter += 1;
        let created_ns = i64::try_from(self.counter).unwrap_or(i64::MAX);
        let Some(code) = self.tree.code(host).cloned() else { return };
        let fresh = Disk::new(self.plan.store.capacity_bytes, code);
        let (disk, stream, index) =
            copy.unwrap_or_else(|| (fresh, Stream::create(created_ns), Index::default()));
        self.excuse(host, &disk);
        self.oracle.inbox_is(host, &stream.messages);
        if let Some(h) = self.hosts.get_mut(host) {
            (h.disk, h.stream, h.index) = (disk, stream, index);
        }
        // longer than the liveness bound: a replacement is admitted once the old one is quiet
        let wait_us = self.dice.random_range(1_000..20_000_000);
        self.at(self.now_us + wait_us, Event::Start { host });
    }

    /// What neither the copy nor a neighbour can give is nobody's fault any more.
    fn excuse(&mut self, host: usize, copy: &Disk) {
        let (hosts, tree) = (&self.hosts, &self.tree);
        let link_from = |before: usize| match tree.parent(before) {
            Some(above) if above == host => Some(Link::Up),
            _ => tree.code(host).cloned().map(Link::Down),
        };
        let refills = |before: usize, id: &_| {
            let ends = hosts.get(before).zip(link_from(before));
            ends.is_some_and(|(h, link)| h.disk.holds_for(id, &link))
        };
        let had = |behind: usize, id: &_| hosts.get(behind).is_some_and(|h| h.disk.had(id));
        self.oracle.store_lost(host, &|id| copy.had(id), &refills, &had);
    }
}
