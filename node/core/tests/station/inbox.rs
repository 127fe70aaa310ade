//! Inbox legs and the stream that they go into.

use yizhan_core::effect::{Deliver, Effect};
use yizhan_core::input::Input;
use yizhan_core::link::Link;
use yizhan_schemas::Lane;

use crate::bench::{Bench, submitted};

const COUNTY: &str = "510722";

fn opened(opening: u64, last_sequence: u64) -> Input {
    let (created_ns, present_sequence) = (77, last_sequence);
    Input::InboxOpened { opening, created_ns, present_sequence, last_sequence }
}

fn publish(bench: &mut Bench, count: u64, ttl_ms: Option<u64>) -> Vec<Deliver> {
    let mut asked = Vec::new();
    for ticket in 0..count {
        asked.extend(bench.tell(submitted(ticket, "directive.issue", COUNTY, ttl_ms)));
    }
    delivers(asked)
}

fn delivers(effects: Vec<Effect>) -> Vec<Deliver> {
    let deliver = |effect| match effect {
        Effect::Deliver(deliver) => Some(deliver),
        _ => None,
    };
    effects.into_iter().filter_map(deliver).collect()
}

fn recalls(effects: &[Effect]) -> Vec<(u64, u64, u64)> {
    let recall = |effect: &Effect| match effect {
        Effect::Recall { opening, from, through } => Some((*opening, *from, *through)),
        _ => None,
    };
    effects.iter().filter_map(recall).collect()
}

fn released(bench: &Bench) -> u64 {
    bench.station.kept().outbound(&Link::Inbox, Lane::Routine).map_or(0, |owed| owed.acked)
}

#[test]
fn a_leg_that_was_too_old_when_its_turn_came_ends_and_the_next_takes_its_place_in_the_stream() {
    let mut bench = Bench::new(COUNTY);
    bench.tell(opened(1, 0));
    publish(&mut bench, 3, Some(1000));
    bench.tell(Input::Delivered { through: 1 });
    bench.wait_ms(2000);
    let said = bench.tell(Input::Stale { leg: 2 });
    assert!(delivers(said).is_empty(), "the stream must be opened anew first");
    assert!(bench.tell(Input::Stale { leg: 2 }).is_empty(), "once is enough");
    // the third has expired too, and is not under way any more
    let said = delivers(bench.tell(opened(2, 1)));
    assert!(said.is_empty(), "{said:?}");
    let [next] = &publish(&mut bench, 1, None)[..] else { panic!("one delivery") };
    assert_eq!((next.from, next.through, next.offset), (4, 4, -2), "leg 4 is number 2");
}

#[test]
fn what_a_killed_node_had_delivered_is_recalled_and_released_without_a_further_message() {
    let mut bench = Bench::new(COUNTY);
    bench.tell(opened(1, 0));
    publish(&mut bench, 5, None);
    bench.tell(Input::Delivered { through: 5 });
    bench.tell(Input::Released { through: 2, ids: Vec::new() });
    bench.restart();
    let said = bench.tell(opened(1, 5));
    assert_eq!(recalls(&said), [(1, 3, 5)]);
    assert!(delivers(said).is_empty(), "all five are in the stream");
    bench.tell(Input::Released { through: 5, ids: Vec::new() });
    assert_eq!(released(&bench), 5);
    assert!(recalls(&bench.tell(opened(2, 5))).is_empty(), "nothing is left to be recalled");
}
