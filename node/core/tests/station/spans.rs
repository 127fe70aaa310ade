//! Spans on their way up: to who collects them, and out of everybody's way.

use bytes::Bytes;
use yizhan_core::input::Input;
use yizhan_core::link::Link;
use yizhan_core::settings::Settings;

use crate::bench::Bench;
use crate::chain::Chain;

const CODES: [&str; 3] = ["510722", "510722.101", "510722.101.002"];

/// A chain whose root collects, or nobody.
fn chain(root_collects: bool) -> Chain {
    let settings =
        |at: usize| Settings { collects: root_collects && at == 0, ..Settings::default() };
    let bench = |(at, code): (usize, &&str)| Bench::with(code, settings(at));
    Chain::with(CODES.iter().enumerate().map(bench).collect())
}

fn batch(bytes: usize) -> Bytes {
    Bytes::from(vec![7; bytes])
}

impl Chain {
    fn has_spans(&mut self, at: usize, bytes: usize, count: usize) {
        self.spans[at].extend(std::iter::repeat_n(batch(bytes), count));
        self.tell(at, Input::SpansWaiting);
    }

    fn came(&self, at: usize) -> usize {
        self.collected.iter().filter(|(here, ..)| *here == at).count()
    }
}

#[test]
fn spans_go_one_hop_at_a_time_to_who_collects_them_and_touch_no_count() {
    let mut chain = chain(true);
    chain.wait_ms(10_000);
    chain.has_spans(2, 500, 3);
    chain.wait_ms(10_000);
    assert_eq!((chain.came(1), chain.came(0)), (3, 0), "the township says them on by itself");
    let (at, child, bytes) = chain.collected[0].clone();
    assert_eq!((at, child.to_string(), bytes), (1, CODES[2].to_owned(), batch(500)));
    chain.has_spans(1, 500, 3);
    chain.wait_ms(10_000);
    assert_eq!(chain.came(0), 3);
    assert!(chain.inboxes.iter().all(Vec::is_empty));
    assert_eq!(chain.benches[0].station.kept().outcomes.open(), 0);
}

#[test]
fn nobody_is_sent_spans_that_nobody_collects() {
    let mut chain = chain(false);
    chain.wait_ms(10_000);
    chain.has_spans(2, 500, 3);
    chain.wait_ms(60_000);
    assert_eq!((chain.came(1), chain.spans[2].len()), (0, 3));
}

#[test]
fn what_was_seen_while_the_link_was_down_goes_up_when_it_is_back() {
    let mut chain = chain(true);
    chain.wait_ms(10_000);
    chain.cut.insert(2);
    chain.wait_ms(60_000);
    chain.has_spans(2, 500, 2);
    chain.wait_ms(10_000);
    assert_eq!(chain.came(1), 0);
    chain.cut.clear();
    chain.wait_ms(60_000);
    assert_eq!(chain.came(1), 2);
}

#[test]
fn spans_take_a_share_of_the_line_and_no_more() {
    let mut chain = chain(true);
    chain.wait_ms(10_000);
    let rate = |chain: &Chain| {
        let views = chain.benches[2].station.link_views(chain.benches[2].now);
        views.iter().find(|view| view.link == Link::Up).unwrap().rate.unwrap()
    };
    chain.has_spans(2, 16_000, 1_000);
    chain.wait_ms(20_000);
    // a batch is under way whenever one may be: 5 percent of 20 seconds are one second
    let (bytes, allowed) = (chain.came(1) as u64 * 16_000, rate(&chain) + 2 * 16_000);
    assert!(bytes <= allowed, "{bytes} bytes, allowed are {allowed}");
    assert!(bytes > allowed / 4, "{bytes} bytes, allowed are {allowed}");
}
