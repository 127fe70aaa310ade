//! [`Merge`]: the legs of several runs as one ascending sequence.
//!
//! Usually one run follows another. Runs overlap where legs were re-appended to a newer segment;
//! equal sequences are the same leg and collapse.

use std::collections::VecDeque;

use yizhan_core::link::Link;
use yizhan_schemas::Lane;

use super::cursor::Cursor;
use super::reader::{HeldLeg, Turn};
use super::shared::{Shared, Start};
use crate::spool::error::SpoolError;

/// Runs being read.
pub(super) struct Merge<'a> {
    shared: &'a Shared,
    link: &'a Link,
    lane: Lane,
    /// Not begun yet, in order of their first leg.
    waiting: VecDeque<Start>,
    open: Vec<(HeldLeg, Cursor)>,
}

impl<'a> Merge<'a> {
    pub(super) fn new(shared: &'a Shared, link: &'a Link, lane: Lane, starts: Vec<Start>) -> Self {
        Self { shared, link, lane, waiting: starts.into(), open: Vec::new() }
    }

    /// Hands out legs and gaps through `last`. `false` if the receiver had enough.
    pub(super) fn read(mut self, turn: &mut Turn<'_>, last: u64) -> Result<bool, SpoolError> {
        while turn.next <= last {
            self.begin_runs(turn.next)?;
            self.catch_up(turn.next)?;
            let nearest = (0..self.open.len()).min_by_key(|at| self.sequence(*at));
            let leg = nearest.filter(|at| self.sequence(*at) == Some(turn.next));
            let go_on = match leg {
                Some(at) => self.take(at)?.is_none_or(|leg| turn.leg(leg)),
                // no run has it: nothing until the nearest leg, or the next run's first
                None => {
                    let ahead = nearest.and_then(|at| self.sequence(at));
                    let behind = self.waiting.front().map(|start| start.first);
                    let until = [ahead, behind].into_iter().flatten().min();
                    turn.gap(until.map_or(last, |until| last.min(until.saturating_sub(1))))
                }
            };
            if !go_on {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn begin_runs(&mut self, next: u64) -> Result<(), SpoolError> {
        while let Some(start) = self.waiting.front().copied().filter(|run| run.first <= next) {
            self.waiting.pop_front();
            let mut cursor = Cursor::open(self.shared, self.lane, start)?;
            if let Some(leg) = cursor.next(self.link, next)? {
                self.open.push((leg, cursor));
            }
        }
        Ok(())
    }

    /// Brings every open run to the leg wanted next or behind it.
    fn catch_up(&mut self, next: u64) -> Result<(), SpoolError> {
        let mut at = 0;
        while let Some((leg, cursor)) = self.open.get_mut(at) {
            if leg.sequence >= next {
                at += 1;
            } else if let Some(later) = cursor.next(self.link, next)? {
                *leg = later;
            } else {
                self.open.swap_remove(at);
            }
        }
        Ok(())
    }

    fn sequence(&self, at: usize) -> Option<u64> {
        self.open.get(at).map(|(leg, _)| leg.sequence)
    }

    /// The leg that a run stands at; the run moves on.
    fn take(&mut self, at: usize) -> Result<Option<HeldLeg>, SpoolError> {
        let Some((leg, cursor)) = self.open.get_mut(at) else { return Ok(None) };
        let after = leg.sequence.saturating_add(1);
        match cursor.next(self.link, after)? {
            Some(later) => Ok(Some(std::mem::replace(leg, later))),
            None => Ok(Some(self.open.swap_remove(at).0)),
        }
    }
}
