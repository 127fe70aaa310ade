//! [`Flight`]: what is under way in one opening of the stream.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;
use yizhan_core::effect::Deliver;
use yizhan_core::input::InInbox;

use crate::bus::InboxAck;
use crate::driver::InboxOrder;

/// What was answered for is synced at most this much later.
const RELEASE_EVERY: Duration = Duration::from_millis(100);
/// On a bus of others, whose files are out of reach: JetStream's default `sync_interval` of two
/// minutes, and a margin. A break of the connection starts the time anew.
const RELEASE_FOREIGN: Duration = Duration::from_secs(130);
/// Legs that may be on their way into the stream.
const UNANSWERED_MAX: u64 = 2_048;
/// One of so many is acknowledged, and the last of each order: its acknowledgement speaks for all
/// before it, since each says which one it follows.
const ASKED_EVERY: u64 = 64;
/// Orders that may wait.
const ORDERS_MAX: usize = 512;
/// Legs in the stream that wait for their release: further ones are not published before some are
/// released. On a bus of others, where that takes two minutes, it bounds the rate.
const UNRELEASED_MAX: usize = 128 * 1024;

/// What is under way in one opening of the stream.
#[derive(Default)]
pub(super) struct Flight {
    pub(super) orders: VecDeque<Deliver>,
    /// Acknowledgements on their way.
    pub(super) unanswered: VecDeque<(u64, InboxAck)>,
    /// The first leg published, and the last.
    published: Option<(u64, u64)>,
    /// The last leg answered for.
    answered: u64,
    /// Legs published and not released, with their messages, in order.
    unreleased: VecDeque<InInbox>,
    /// Legs that an earlier opening published: the log knows their messages.
    recalled: Option<(u64, u64)>,
    /// Last leg that is in the stream and not released.
    present: Option<u64>,
    /// The last such leg when the wait began, and when it ends.
    wait: Option<(u64, Instant)>,
    /// True once the stream answered anything.
    pub(super) was_answered: bool,
    /// True once the files turned out to be out of reach.
    foreign: bool,
}

impl Flight {
    /// Takes an order, unless it was for an earlier opening.
    pub(super) fn take(&mut self, order: InboxOrder, current: u64) {
        match order {
            InboxOrder::Deliver(deliver) if deliver.opening == current => {
                self.orders.push_back(deliver);
            }
            InboxOrder::Recall { opening, from, through } if opening == current => {
                self.recalled = Some((from, through));
                self.present(through);
            }
            InboxOrder::Deliver(_) | InboxOrder::Recall { .. } => {}
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.orders.len() < ORDERS_MAX
    }

    pub(super) fn has_work(&self) -> bool {
        !self.orders.is_empty() && self.room() > 0 && self.unreleased.len() < UNRELEASED_MAX
    }

    /// How many legs may be published before some are answered for.
    pub(super) fn room(&self) -> u64 {
        let on_their_way = self.published.map_or(0, |(first, last)| {
            (last + 1).saturating_sub(first.max(self.answered.saturating_add(1)))
        });
        UNANSWERED_MAX.saturating_sub(on_their_way)
    }

    /// True if an acknowledgement is wanted for this leg, whatever follows it. For the first one
    /// too: a full stream says so only to the first that does not fit.
    pub(super) fn asks(&self, leg: u64) -> bool {
        self.published.is_none() || leg.is_multiple_of(ASKED_EVERY)
    }

    /// A leg was published: the first order is that much shorter.
    pub(super) fn advance(&mut self, it: InInbox) {
        let leg = it.leg;
        self.unreleased.push_back(it);
        self.published = Some((self.published.map_or(leg, |(first, _)| first), leg));
        if let Some(first) = self.orders.front_mut() {
            first.from = leg + 1;
            if first.from > first.through {
                self.orders.pop_front();
            }
        }
    }

    /// Takes the messages of the legs that are released now: those recalled, as first and last leg,
    /// and those published since.
    pub(super) fn release(&mut self, through: u64) -> (Option<(u64, u64)>, Vec<InInbox>) {
        let recalled = self.recalled.take().map(|(from, last)| {
            self.recalled = (last > through).then_some((through.saturating_add(1), last));
            (from, last.min(through))
        });
        let count = self.unreleased.partition_point(|it| it.leg <= through);
        (recalled, self.unreleased.drain(..count).collect())
    }

    /// The stream answered for legs up to this one.
    pub(super) fn answered(&mut self, leg: u64) {
        self.was_answered = true;
        self.answered = self.answered.max(leg);
        self.present(leg);
    }

    fn present(&mut self, leg: u64) {
        let leg = self.present.map_or(leg, |last| last.max(leg));
        self.present = Some(leg);
        if self.wait.is_none() {
            let wait = if self.foreign { RELEASE_FOREIGN } else { RELEASE_EVERY };
            self.wait = Some((leg, Instant::now() + wait));
        }
    }

    /// When to see to what is in the stream.
    pub(super) fn due(&self) -> Option<Instant> {
        self.wait.map(|(_, due)| due)
    }

    /// The last leg in the stream by now: a sync from here on covers it.
    pub(super) fn last_present(&self) -> Option<u64> {
        self.present
    }

    /// The wait is over and the files are synced through this leg.
    pub(super) fn synced(&mut self, through: u64) {
        self.wait = None;
        let newer = self.present.take().filter(|last| *last > through);
        newer.into_iter().for_each(|leg| self.present(leg));
    }

    /// The wait is over and the files are out of reach: the last leg that was in the stream for
    /// long enough, if there is one.
    pub(super) fn waited(&mut self) -> Option<u64> {
        let released = self.wait.take().map(|(leg, _)| leg).filter(|_| self.foreign);
        self.foreign = true;
        let newer = self.present.take().filter(|last| released.is_none_or(|leg| *last > leg));
        newer.into_iter().for_each(|leg| self.present(leg));
        released
    }
}

#[cfg(test)]
mod tests {
    use yizhan_schemas::MessageId;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn on_a_bus_of_others_each_leg_waits_its_whole_time_however_many_follow_it() {
        let mut flight = Flight::default();
        flight.answered(3);
        tokio::time::sleep_until(flight.due().unwrap()).await;
        assert_eq!(flight.waited(), None, "nobody knew yet whose bus it is");
        let first = Instant::now();
        assert_eq!(flight.due(), Some(first + RELEASE_FOREIGN));
        tokio::time::sleep(RELEASE_FOREIGN - Duration::from_secs(1)).await;
        flight.answered(9);
        tokio::time::sleep_until(flight.due().unwrap()).await;
        assert_eq!(flight.waited(), Some(3), "nine was answered a second ago");
        assert_eq!(flight.due(), Some(first + 2 * RELEASE_FOREIGN));
        tokio::time::sleep_until(flight.due().unwrap()).await;
        assert_eq!(flight.waited(), Some(9));
        assert_eq!(flight.due(), None);
    }

    #[tokio::test]
    async fn what_is_answered_during_a_sync_waits_for_the_next() {
        let mut flight = Flight::default();
        flight.take(InboxOrder::Recall { opening: 1, from: 3, through: 7 }, 2);
        assert_eq!(flight.due(), None, "an order of an earlier opening");
        flight.take(InboxOrder::Recall { opening: 2, from: 3, through: 7 }, 2);
        let through = flight.last_present().unwrap();
        flight.answered(8);
        flight.synced(through);
        assert_eq!((flight.last_present(), flight.due().is_some()), (Some(8), true));
        flight.synced(8);
        assert_eq!((flight.last_present(), flight.due()), (None, None));
    }

    #[tokio::test]
    async fn legs_on_their_way_are_bounded_and_the_first_is_asked_for() {
        let it = |leg| {
            let id = MessageId::parse(&format!("510722-b7k2qf-r{leg}")).unwrap();
            InInbox::plain(leg, id)
        };
        let mut flight = Flight::default();
        assert!(flight.asks(5));
        (5..=104).for_each(|leg| flight.advance(it(leg)));
        assert_eq!(flight.room(), UNANSWERED_MAX - 100);
        assert_eq!([105, 128].map(|leg| flight.asks(leg)), [false, true]);
        flight.answered(64);
        assert_eq!(flight.room(), UNANSWERED_MAX - 40);
        flight.answered(104);
        assert_eq!(flight.room(), UNANSWERED_MAX);
    }

    #[tokio::test]
    async fn each_leg_is_released_once_with_its_message() {
        let it = |leg| {
            let id = MessageId::parse(&format!("510722-b7k2qf-r{leg}")).unwrap();
            InInbox::plain(leg, id)
        };
        let mut flight = Flight::default();
        flight.take(InboxOrder::Recall { opening: 1, from: 3, through: 7 }, 1);
        (8..=10).for_each(|leg| flight.advance(it(leg)));
        assert_eq!(flight.release(5), (Some((3, 5)), vec![]));
        assert_eq!(flight.release(8), (Some((6, 7)), vec![it(8)]));
        assert_eq!(flight.release(10), (None, vec![it(9), it(10)]));
        assert_eq!(flight.release(10), (None, vec![]));
    }
}
