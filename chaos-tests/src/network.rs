//! [`Link`]: the two ways between a child and its parent's bus.
//!
//! Promise: one queue a direction, as a modem has: what is put on it first leaves first, and what
//! does not fit is dropped without anybody hearing of it.

use rand::Rng;
use rand::rngs::SmallRng;

use crate::plan::{Faults, Links};

/// Which way along a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Course {
    /// From the child to its parent.
    Up,
    /// From the parent to its child.
    Down,
}

/// What a way does with frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// Carries them.
    Open,
    /// Swallows them.
    Shut,
    /// Keeps them in buffers.
    Stalled,
}

/// One way.
#[derive(Debug, Clone)]
struct Way {
    passage: Passage,
    /// When the modem will have sent all that waits.
    free_us: u64,
    /// Arrival of the latest frame.
    latest_us: u64,
}

/// A child's connection to its parent's bus.
#[derive(Debug, Clone)]
pub struct Link {
    links: Links,
    up: Way,
    down: Way,
    /// The life of the parent's bus that the child's client takes itself for connected to.
    pub attached: Option<u32>,
    /// True while connections are refused rather than silently dead.
    pub refused: bool,
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It comes at this time.
    Arrives(u64),
    /// It comes when the way is open again.
    Waits,
    /// It does not.
    Lost,
}

impl Link {
    /// A healthy one, not yet connected.
    pub fn new(links: &Links) -> Self {
        let way = Way { passage: Passage::Open, free_us: 0, latest_us: 0 };
        Self { links: links.clone(), up: way.clone(), down: way, attached: None, refused: false }
    }

    /// Puts a frame on its way.
    pub fn carry(
        &mut self,
        course: Course,
        bytes: u64,
        now_us: u64,
        faults: &Faults,
        dice: &mut SmallRng,
    ) -> Fate {
        let (least, most) = self.links.delay_us;
        let delay_us = dice.random_range(least..=most);
        let dropped = faults.drop > 0.0 && dice.random_bool(faults.drop);
        let (rate, queue_bytes) = (self.links.rate, self.links.queue_bytes);
        let way = self.way(course);
        if way.passage == Passage::Shut || dropped {
            return Fate::Lost;
        }
        let mut left_us = now_us;
        if let Some(rate) = rate {
            let waits_us = way.free_us.saturating_sub(now_us);
            let waiting_bytes = u128::from(waits_us) * u128::from(rate) / 1_000_000;
            // a frame longer than the queue passes when nothing waits before it
            if waits_us > 0 && waiting_bytes + u128::from(bytes) > u128::from(queue_bytes) {
                return Fate::Lost;
            }
            left_us = now_us.max(way.free_us) + bytes * 1_000_000 / rate.max(1);
            way.free_us = left_us;
        }
        let mut arrives_us = left_us + delay_us;
        if way.passage == Passage::Stalled {
            return Fate::Waits;
        }
        if !faults.reorder {
            arrives_us = arrives_us.max(way.latest_us);
        }
        way.latest_us = way.latest_us.max(arrives_us);
        Fate::Arrives(arrives_us)
    }

    /// Bytes that wait for the modem.
    pub fn waiting_bytes(&self, course: Course, now_us: u64) -> u64 {
        let way = match course {
            Course::Up => &self.up,
            Course::Down => &self.down,
        };
        let waits_us = way.free_us.saturating_sub(now_us);
        self.links.rate.map_or(0, |rate| waits_us * rate / 1_000_000)
    }

    /// What one way does with frames.
    pub fn passage(&self, course: Course) -> Passage {
        match course {
            Course::Up => self.up.passage,
            Course::Down => self.down.passage,
        }
    }

    /// Changes what one way does with frames.
    pub fn set(&mut self, course: Course, passage: Passage) {
        self.way(course).passage = passage;
    }

    /// True if a new connection would come about.
    pub fn connects(&self) -> bool {
        !self.refused && self.up.passage == Passage::Open && self.down.passage == Passage::Open
    }

    fn way(&mut self, course: Course) -> &mut Way {
        match course {
            Course::Up => &mut self.up,
            Course::Down => &mut self.down,
        }
    }
}
