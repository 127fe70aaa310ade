//! [`Pace`]: how many bytes of bulk may be on their way to a neighbour, and in what portions.
//!
//! A modem has one queue, and what is urgent waits behind all that is in it. So no more is given
//! to it than it delivers in about one round trip and [`AHEAD_US`]: enough to keep it busy, and
//! little to wait behind. All bytes here are those of the wire, packed, with what is around them.
//!
//! What it delivers is seen from the acks: bytes acked between two moments, the first of which is
//! an ack as well. So a bunch of acks, held up by a disk, speaks for all the time that it took.
//! What was sent for want of more shows only that the link carries at least so much. Before
//! anything was acked, the hello and its answer show the same: they were so many bytes, and took
//! no longer than that. From there on the window grows by what is acked, until a queue shows.

mod round_trip;

use round_trip::RoundTrip;

use crate::effect::Effort;
use crate::time::Departure;

/// How much further than one round trip the sender is ahead, microseconds (design §5).
const AHEAD_US: u64 = 250_000;
/// A frame takes about this long on the line, microseconds: what is urgent waits for its end.
const FRAME_US: u64 = 100_000;
/// The fastest delivery counts for this long, or twice that.
const WINDOW_US: u64 = 10_000_000;
/// Before anything is acked, so much is sent as the line surely carries in this time: less than the
/// two seconds that a modem's queue holds, and at 256 kbit/s and 300 ms nearly a round trip's worth.
const FIRST_US: u64 = 1_800_000;
/// A greeting that took so much longer than twice what was expected is of another line.
const OTHER_LINE_US: u64 = 100_000;
/// Shorter frames are mostly heading and seal, and pack badly.
pub const FRAME_BYTES_MIN: u64 = 800;
/// Longer frames save nothing.
pub const FRAME_BYTES_MAX: u64 = crate::fill::FRAME_FILL_BYTES as u64;
/// Bytes that are always allowed, and the least that the sender is ahead: one frame on the line,
/// and one behind it.
pub const WINDOW_BYTES_MIN: u64 = 2 * FRAME_BYTES_MIN;
/// Bytes allowed while nothing at all is known.
const WINDOW_BYTES_UNKNOWN: u64 = 4 * 1024;
/// And no more than in so many round trips, and so many times what we are ahead: where the way is
/// short, the line may be no faster than it seems, and its queue hold no more than a second of it.
const FIRST_TRIPS: u64 = 4;
const FIRST_AHEADS: u64 = 3;
/// Flash has a window of its own, since what is behind it in one queue can only wait; while the
/// line was not seen full, it is rather too large.
const FLASH_BYTES_UNKNOWN: u64 = 64 * 1024;
/// Slower lines (512 kbit/s) are worth all effort of packing, bytes a second.
const HARD_BELOW: u64 = 64_000;
/// Slower lines (16 Mbit/s) are worth some, if more waits than they carry: beyond it the processor
/// is what is scarce.
const LIGHT_BELOW: u64 = 2_000_000;
/// And if nothing ever waited, only lines that look slower than this are.
const LIGHT_BELOW_IDLE: u64 = 250_000;

/// What is known of one link's speed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    delivered_bytes: u64,
    /// How many of them before the last greeting.
    greeted_bytes: u64,
    /// When something was last delivered, or the link was last seen empty, microseconds.
    delivered_us: u64,
    since_us: u64,
    now: Seen,
    before: Seen,
    way: RoundTrip,
    /// Bytes a second that the operator says it carries (`link.rate_hint`).
    hint: Option<u64>,
    /// Bytes a second that it carries at least, by the last greeting.
    least: Option<u64>,
    /// How much was acked before a queue showed; `None` once one did.
    grown: Grown,
}

/// The fastest delivery in some time, bytes a second.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// While more waited than was sent.
    full: Option<u64>,
    /// At any time.
    any: Option<u64>,
}

/// How far the window has grown beyond the first one.
#[derive(Debug, Clone, Copy)]
enum Grown {
    /// By so many bytes; no queue has shown yet.
    By(u64),
    /// A queue has shown: the rate is known.
    Done,
}

impl Default for Grown {
    fn default() -> Self {
        Self::By(0)
    }
}

impl Pace {
    /// A link of which the operator says how fast it is, bytes a second.
    pub fn hinted(hint: Option<u64>) -> Self {
        Self { hint, ..Self::default() }
    }

    /// Something leaves. `alone`: nothing else is on its way; `more`: more waits behind it.
    pub fn departs(&mut self, now_us: u64, alone: bool, more: bool) -> Departure {
        if alone {
            self.delivered_us = now_us;
        }
        Departure {
            at_us: now_us,
            delivered_bytes: self.delivered_bytes,
            delivered_us: self.delivered_us,
            more,
        }
    }

    /// So many bytes were acked, of a publication that left then; `None` for one that left twice:
    /// nobody knows which of the two was acked.
    pub fn arrived(&mut self, now_us: u64, bytes: u64, left: Option<Departure>) {
        self.delivered_bytes = self.delivered_bytes.saturating_add(bytes);
        self.delivered_us = now_us;
        let Some(left) = left else { return };
        let took_us = now_us.saturating_sub(left.delivered_us).max(1);
        let delivered = self.delivered_bytes.saturating_sub(left.delivered_bytes);
        let rate = delivered.saturating_mul(1_000_000) / took_us;
        if left.more {
            self.turn(now_us);
            self.now.full = self.now.full.max(Some(rate));
            self.grow(now_us, bytes, left);
        }
        self.now.any = self.now.any.max(Some(rate));
    }

    fn grow(&mut self, now_us: u64, bytes: u64, left: Departure) {
        let Grown::By(grown) = self.grown else { return };
        // what leaves first, and all at once, waits behind itself
        let is_first = left.delivered_bytes <= self.greeted_bytes;
        let allowed_us = if is_first { AHEAD_US } else { AHEAD_US / 2 };
        let way_us = self.way.us().unwrap_or(0);
        let queued = now_us.saturating_sub(left.at_us) > way_us.saturating_add(allowed_us);
        self.grown = if queued { Grown::Done } else { Grown::By(grown.saturating_add(bytes)) };
    }

    /// A round trip was measured.
    pub fn round_trip(&mut self, now_us: u64, rtt_us: u64) {
        self.way.measured(now_us, rtt_us, 2 * AHEAD_US);
    }

    /// A session began with an exchange of so many bytes, which took so long.
    pub fn greeted(&mut self, now_us: u64, bytes: u64, took_us: u64) {
        let took_us = took_us.max(1_000);
        if let (Some(rate), Some(way_us)) = (self.rate(), self.way.us()) {
            let expected_us = way_us.saturating_add(time_us(bytes, rate));
            if took_us > expected_us.saturating_mul(2).saturating_add(OTHER_LINE_US) {
                *self = Self { delivered_bytes: self.delivered_bytes, ..Self::hinted(self.hint) };
            }
        }
        self.greeted_bytes = self.delivered_bytes;
        self.least = Some(bytes.saturating_mul(1_000_000) / took_us);
        self.round_trip(now_us, took_us);
    }

    /// Bytes a second that the link delivers, as far as that was seen or said.
    pub fn rate(&self) -> Option<u64> {
        let seen = self.now.any.max(self.before.any).max(self.least);
        if self.is_full() { seen } else { seen.max(self.hint) }
    }

    /// True if more has waited than the link carries, so that its rate was seen.
    fn is_full(&self) -> bool {
        self.now.full.or(self.before.full).is_some()
    }

    /// How long the link takes for so many bytes, microseconds, as far as known.
    pub fn takes_us(&self, bytes: u64) -> u64 {
        self.rate().map_or(0, |rate| time_us(bytes, rate))
    }

    /// Bytes of bulk that may be on their way, at most `most`.
    pub fn window_bytes(&self, most: u64) -> u64 {
        let least = WINDOW_BYTES_MIN.min(most);
        if self.way.is_looked_for() {
            return least;
        }
        let is_seen = self.now.any.or(self.before.any).or(self.hint).is_some();
        let steady = self.rate().filter(|_| is_seen).map_or(0, |rate| {
            let way = bytes_in(rate, self.way.us().unwrap_or(0));
            way.saturating_add(bytes_in(rate, AHEAD_US).max(WINDOW_BYTES_MIN))
        });
        let first = match (self.hint, self.least) {
            (Some(_), _) => 0,
            (None, Some(least)) => {
                let trips_us = self.way.us().unwrap_or(0).saturating_mul(FIRST_TRIPS);
                bytes_in(least, FIRST_US.min(trips_us.saturating_add(FIRST_AHEADS * AHEAD_US)))
            }
            (None, None) => WINDOW_BYTES_UNKNOWN,
        };
        let window = match self.grown {
            Grown::By(grown) => steady.max(first.saturating_add(grown)),
            Grown::Done => steady,
        };
        window.clamp(least, most)
    }

    /// Bytes of flash that may be on their way, beside a window of bulk.
    pub fn flash_bytes(&self, window: u64) -> u64 {
        match self.grown {
            Grown::Done => window,
            Grown::By(_) => window.max(FLASH_BYTES_UNKNOWN),
        }
    }

    /// True if there is room for a frame of bulk that is worth its heading; else the next ack is
    /// better waited for.
    pub fn is_roomy(&self, window: u64, in_flight: u64) -> bool {
        let frame = self.frame_bytes();
        let worth = frame.min((frame / 2).max(FRAME_BYTES_MIN)).min(window / 2);
        in_flight == 0 || window.saturating_sub(in_flight) >= worth
    }

    /// Bytes that a frame of bulk should have.
    pub fn frame_bytes(&self) -> u64 {
        let rate = self.rate().unwrap_or(0);
        bytes_in(rate, FRAME_US).clamp(FRAME_BYTES_MIN, FRAME_BYTES_MAX)
    }

    /// What packing is worth on this link; `None`: nothing, the processor is what is scarce.
    ///
    /// What was acked speaks for the line only once a queue showed on it: until then it was the
    /// stations that were slow, and packing makes them slower.
    pub fn effort(&self) -> Option<Effort> {
        let rate = self.rate()?;
        let has_queue = self.is_full() && matches!(self.grown, Grown::Done);
        let is_known = has_queue || self.hint.is_some();
        let light_below = if is_known { LIGHT_BELOW } else { LIGHT_BELOW_IDLE };
        match rate {
            rate if rate < HARD_BELOW => Some(Effort::Hard),
            rate if rate < light_below => Some(Effort::Light),
            _ => None,
        }
    }

    fn turn(&mut self, now_us: u64) {
        // an idle link is not a slow one: what was seen last stays until something is seen
        if now_us.saturating_sub(self.since_us) > WINDOW_US {
            if self.now.full.is_some() {
                self.before = std::mem::take(&mut self.now);
            }
            self.since_us = now_us;
        }
    }
}

fn bytes_in(rate: u64, us: u64) -> u64 {
    let bytes = u128::from(rate) * u128::from(us) / 1_000_000;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

fn time_us(bytes: u64, rate: u64) -> u64 {
    let us = u128::from(bytes) * 1_000_000 / u128::from(rate.max(1));
    u64::try_from(us).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
