//! What pages and metrics show of a station.

use yizhan_core::input::Input;
use yizhan_core::link::Link;
use yizhan_core::station::{LinkView, View};
use yizhan_schemas::Lane;

use crate::chain::Chain;

const CODES: [&str; 3] = ["510722", "510722.101", "510722.101.002"];

fn view(chain: &mut Chain, at: usize) -> View {
    let now = chain.benches[at].now;
    chain.benches[at].station.view(now)
}

fn link(chain: &Chain, at: usize, link: &Link) -> LinkView {
    let bench = &chain.benches[at];
    bench.station.link_views(bench.now).into_iter().find(|it| it.link == *link).unwrap()
}

fn routine(view: &LinkView) -> (bool, u64, Option<u64>, u64) {
    let lane = Lane::Routine;
    let (backlog, oldest_us) = (view.backlog.get(lane), view.oldest_us.get(lane));
    (view.up, *backlog, *oldest_us, *view.two_hop.get(lane))
}

#[test]
fn a_page_shows_what_waits_and_for_how_long_and_what_is_kept_for_a_refill() {
    let mut chain = Chain::of(&CODES);
    let down = Link::Down(chain.code(1));
    let publish = |chain: &mut Chain| {
        for _ in 0..5 {
            chain.publish(0, "directive.issue", CODES[1], None);
        }
    };
    publish(&mut chain);
    chain.wait_ms(1_000);
    assert_eq!(routine(&link(&chain, 0, &down)), (true, 0, None, 5));
    chain.cut.insert(1);
    chain.wait_ms(11_000);
    publish(&mut chain);
    chain.wait_ms(2_000);
    assert_eq!(routine(&link(&chain, 0, &down)), (false, 5, Some(2_000_000), 5));
    let tally = *link(&chain, 0, &down).tally.get(Lane::Routine);
    assert_eq!((tally.taken, tally.handed_over, tally.ended), (10, 5, 0));
    assert_eq!(view(&mut chain, 0).outcomes_open, 5);
}

#[test]
fn a_page_shows_the_inbox_and_the_notes_that_wait_for_a_link() {
    let mut chain = Chain::of(&CODES);
    assert!(view(&mut chain, 2).inbox_open && link(&chain, 2, &Link::Inbox).up);
    chain.tell(2, Input::InboxClosed);
    chain.publish(0, "directive.issue", CODES[2], None);
    chain.wait_ms(3_000);
    let inbox = link(&chain, 2, &Link::Inbox);
    assert!(!view(&mut chain, 2).inbox_open);
    assert_eq!(routine(&inbox), (false, 1, Some(3_000_000), 0));
    // it is told once it is there, and the link is away by then
    chain.cut.insert(2);
    chain.wait_ms(11_000);
    chain.open_inbox(2);
    let delivered = view(&mut chain, 2).delivered;
    assert_eq!((delivered, link(&chain, 2, &Link::Up).notes_owed), (1, 1));
    assert!(view(&mut chain, 2).links.iter().all(|it| it.link != Link::Adapter), "none was needed");
}

#[test]
fn what_was_held_before_a_restart_grows_old_and_so_does_what_comes_behind_many() {
    let mut chain = Chain::of(&CODES);
    let down = Link::Down(chain.code(1));
    chain.cut.insert(1);
    for _ in 0..2_000 {
        chain.publish(0, "directive.issue", CODES[1], None);
        chain.wait_ms(50);
    }
    assert_eq!(routine(&link(&chain, 0, &down)).2, Some(100_000_000), "the first of 2,000");
    let said = chain.benches[0].restart();
    chain.said(0, said);
    chain.wait_ms(5_000);
    let shown = link(&chain, 0, &down);
    assert_eq!(routine(&shown), (false, 2_000, Some(5_000_000), 0));
    assert!(*shown.backlog_bytes.get(Lane::Routine) > 2_000 * 50);
}

#[test]
fn a_station_knows_how_far_its_parents_clock_is_from_its_own() {
    let mut chain = Chain::of(&CODES);
    assert_eq!(link(&chain, 1, &Link::Up).clock_offset_ms, Some(0));
    chain.cut.insert(1);
    chain.wait_ms(20_000);
    chain.benches[1].now.wall_ms -= 3_600_000;
    chain.cut.clear();
    chain.wait_ms(20_000);
    assert_eq!(link(&chain, 1, &Link::Up).clock_offset_ms, Some(3_600_000));
}
