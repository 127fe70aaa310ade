use std::collections::VecDeque;

use super::*;

const MOST: u64 = 1 << 20;
const FIRST_US: u64 = 1_000_000;

/// A modem's line, and a sender with endless bulk before it.
struct Line {
    pace: Pace,
    rate: u64,
    /// One way, microseconds.
    way_us: u64,
    /// The other end acks what it has at most this often, as a slow disk makes it.
    sync_us: u64,
    now_us: u64,
    free_us: u64,
    last_ack_us: u64,
    in_flight: u64,
    on_way: VecDeque<(u64, u64, Departure)>,
    /// Longest wait in the modem's queue, microseconds.
    queue_us: u64,
    /// How long the modem had nothing to send.
    idle_us: u64,
}

impl Line {
    fn new(rate: u64, way_us: u64) -> Self {
        let pace = Pace::default();
        Self {
            pace,
            rate,
            way_us,
            sync_us: 0,
            now_us: FIRST_US,
            free_us: FIRST_US,
            last_ack_us: 0,
            in_flight: 0,
            on_way: VecDeque::new(),
            queue_us: 0,
            idle_us: 0,
        }
    }

    /// A hello and a sign of life, as each session begins.
    fn greeted(mut self) -> Self {
        self.pace.greeted(self.now_us, 1_400, 2 * self.way_us + time_us(1_400, self.rate));
        self.pace.round_trip(self.now_us, 2 * self.way_us + time_us(150, self.rate));
        self
    }

    fn syncing_every(mut self, sync_us: u64) -> Self {
        self.sync_us = sync_us;
        self
    }

    /// Sends all that fits, then waits for the next ack. Gives false once `until_us` is reached.
    fn turn(&mut self, until_us: u64) -> bool {
        loop {
            let (window, frame) = (self.pace.window_bytes(MOST), self.pace.frame_bytes());
            if !self.pace.is_roomy(window, self.in_flight) {
                break;
            }
            let frame = frame.min(window.saturating_sub(self.in_flight));
            self.queue_us = self.queue_us.max(self.free_us.saturating_sub(self.now_us));
            self.idle_us += self.now_us.saturating_sub(self.free_us);
            self.free_us = self.free_us.max(self.now_us) + time_us(frame, self.rate);
            let mut ack_us = self.free_us + 2 * self.way_us;
            if let Some(turns) = ack_us.checked_div(self.sync_us) {
                ack_us = (turns + 1) * self.sync_us;
            }
            self.last_ack_us = self.last_ack_us.max(ack_us);
            let left = self.pace.departs(self.now_us, self.in_flight == 0, true);
            self.on_way.push_back((self.last_ack_us, frame, left));
            self.in_flight += frame;
        }
        let (ack_us, bytes, left) = self.on_way.pop_front().unwrap();
        self.now_us = self.now_us.max(ack_us);
        self.in_flight -= bytes;
        self.pace.round_trip(self.now_us, self.now_us - left.at_us);
        self.pace.arrived(self.now_us, bytes, Some(left));
        self.now_us < until_us
    }

    fn run_s(mut self, seconds: u64) -> Self {
        let until_us = self.now_us + seconds * 1_000_000;
        while self.turn(until_us) {}
        self
    }

    /// Forgets the worst so far.
    fn forgetting(mut self) -> Self {
        (self.queue_us, self.idle_us) = (0, 0);
        self
    }
}

/// 9.6, 50 and 256 kbit/s, 2 and 100 Mbit/s; a satellite's and a cable's way.
const RATES: [u64; 5] = [1_200, 6_250, 32_000, 250_000, 12_500_000];
const WAYS_US: [u64; 3] = [1_000, 150_000, 500_000];

#[test]
fn the_window_holds_what_the_link_delivers_in_a_round_trip_and_a_quarter_of_a_second() {
    for (rate, way_us, window) in [
        (32_000, 150_000, 17_600..20_000),
        (6_250, 150_000, 3_400..4_200),
        (1_200, 150_000, 2_000..2_200),
        (1_200, 500_000, 2_800..3_000),
        (250_000, 500_000, 312_000..320_000),
    ] {
        let line = Line::new(rate, way_us).greeted().run_s(30);
        let got = line.pace.window_bytes(MOST);
        assert!(window.contains(&got), "{rate} B/s, {way_us} us: {got}");
    }
}

#[test]
fn a_line_is_kept_busy_and_its_queue_short() {
    for rate in RATES {
        for way_us in WAYS_US {
            let line = Line::new(rate, way_us).greeted().run_s(20).forgetting().run_s(100);
            let frame_us = time_us(line.pace.frame_bytes(), rate);
            let most_us = (AHEAD_US + 50_000).max(frame_us * 5 / 2);
            assert!(line.queue_us <= most_us, "{rate} B/s, {way_us} us: {} us", line.queue_us);
            // more than a window's worth is for the other bound
            if bytes_in(rate, 2 * way_us) < MOST / 2 {
                assert!(line.idle_us < 1_000_000, "{rate} B/s, {way_us} us: {} us", line.idle_us);
            }
        }
    }
}

#[test]
fn the_first_second_of_a_session_neither_floods_a_slow_line_nor_wastes_a_fast_one() {
    for (rate, idle_us, queue_us) in
        [(1_200, 0, 2_500_000), (6_250, 60_000, 1_500_000), (32_000, 100_000, 800_000)]
    {
        let line = Line::new(rate, 150_000).greeted().run_s(5);
        assert!(line.idle_us <= idle_us, "{rate} B/s: idle {} us", line.idle_us);
        assert!(line.queue_us <= queue_us, "{rate} B/s: queue {} us", line.queue_us);
    }
    // a cable: everything may leave at once
    let line = Line::new(125_000_000, 100).greeted();
    assert_eq!(line.pace.window_bytes(MOST), MOST);
    assert_eq!(line.pace.frame_bytes(), FRAME_BYTES_MAX);
}

#[test]
fn acks_in_bunches_do_not_make_a_line_look_faster() {
    for sync_us in [20_000, 100_000, 400_000] {
        let line = Line::new(32_000, 150_000).greeted().syncing_every(sync_us).run_s(30);
        let rate = line.pace.rate().unwrap();
        // between two bunches the line may have delivered a frame more than its due, and a frame is
        // a tenth of what the line seems to carry in a second
        let most = 32_000 * 400 / 300;
        assert!((30_000..=most).contains(&rate), "sync every {sync_us} us: {rate}");
    }
}

#[test]
fn little_traffic_says_nothing_against_a_line_that_was_seen_to_carry_more() {
    let mut line = Line::new(32_000, 150_000).greeted().run_s(20);
    line.on_way.clear();
    for second in 0..100 {
        let now_us = line.now_us + second * 1_000_000;
        let left = line.pace.departs(now_us, true, false);
        line.pace.arrived(now_us + 310_000, 300, Some(left));
    }
    let rate = line.pace.rate().unwrap();
    assert!((30_000..33_000).contains(&rate), "{rate}");
}

#[test]
fn little_traffic_does_not_open_the_window_for_a_flood() {
    let mut line = Line::new(1_200, 150_000).greeted();
    let first = line.pace.window_bytes(MOST);
    for second in 0..1_000 {
        let now_us = line.now_us + second * 1_000_000;
        let left = line.pace.departs(now_us, true, false);
        line.pace.arrived(now_us + 500_000, 200, Some(left));
    }
    let window = line.pace.window_bytes(MOST);
    assert!(window < first * 3 / 2, "{window} after {first}");
}

#[test]
fn a_line_that_is_another_one_than_before_is_learnt_anew() {
    let mut line = Line::new(32_000, 150_000).greeted().run_s(20);
    line.pace.greeted(line.now_us, 1_400, 2 * 150_000 + time_us(1_400, 32_000) + 200_000);
    assert!(line.pace.rate().unwrap() > 30_000, "a little late is no other line");
    line.pace.greeted(line.now_us, 1_400, 2 * 150_000 + time_us(1_400, 1_200));
    assert!(line.pace.rate().unwrap() < 1_200);
    assert!(line.pace.window_bytes(MOST) < 2_500);
}

#[test]
fn what_the_operator_says_counts_until_more_is_seen() {
    let hinted = Pace::hinted(Some(6_250));
    assert_eq!(hinted.rate(), Some(6_250));
    assert_eq!(hinted.effort(), Some(Effort::Hard));
    assert!((1_500..4_000).contains(&hinted.window_bytes(MOST)), "{}", hinted.window_bytes(MOST));
    let mut line = Line::new(32_000, 1_000);
    line.pace = hinted;
    let line = line.greeted().run_s(20);
    assert!((30_000..33_000).contains(&line.pace.rate().unwrap()));
}

#[test]
fn packing_is_worth_most_on_a_slow_line_and_nothing_on_a_fast_one() {
    let seen = |rate| Line::new(rate, 1_000).greeted().run_s(20).pace.effort();
    let efforts = RATES.map(seen);
    let (hard, light) = (Some(Effort::Hard), Some(Effort::Light));
    assert_eq!(efforts, [hard, hard, hard, light, None]);
    // nothing ever waited: only what looks slow by its greeting is worth it
    let idle = |took_us| {
        let mut pace = Pace::default();
        assert_eq!(pace.effort(), None, "nothing is known");
        pace.greeted(1, 1_400, took_us);
        pace.effort()
    };
    assert_eq!([400_000, 15_000, 3_000].map(idle), [hard, light, None]);
}

#[test]
fn what_slow_stations_leave_waiting_is_not_taken_for_a_slow_line() {
    let mut pace = Pace::default();
    // TLS and a busy machine: the greeting looks like 200 kB/s, and acks like 1 MB/s
    pace.greeted(FIRST_US, 1_400, 7_000);
    assert_eq!(pace.effort(), Some(Effort::Light));
    for turn in 1..=200 {
        let at_us = FIRST_US + turn * 60_000;
        let left = pace.departs(at_us, false, true);
        pace.arrived(at_us + 60_000, 60_000, Some(left));
    }
    assert!((900_000..2_000_000).contains(&pace.rate().unwrap()), "{:?}", pace.rate());
    assert_eq!(pace.effort(), None, "no queue showed: the processor is what is scarce");
}
