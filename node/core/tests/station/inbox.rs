//! Inbox legs and the stream that they go into.

use yizhan_core::effect::{Deliver, Effect, Notice};
use yizhan_core::input::{InInbox, Input};
use yizhan_core::link::Link;
use yizhan_schemas::{Lane, Outcome};

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

/// Deliveries as (first leg, last leg, offset).
fn asked(said: Vec<Effect>) -> Vec<(u64, u64, i64)> {
    delivers(said).iter().map(|it| (it.from, it.through, it.offset)).collect()
}

#[test]
fn what_the_stream_says_of_itself_decides_where_deliveries_go_on() {
    const OLD: i64 = 77;
    const NEW: i64 = 88;
    /// Five legs are in the stream, three of them surely synced. It is opened again: created when,
    /// what is in it, its last sequence; what is asked for, recalled, and lost from which leg on.
    #[allow(clippy::type_complexity, reason = "a table")]
    const ROWS: &[(i64, u64, u64, &[(u64, u64, i64)], &[(u64, u64)], Option<u64>)] = &[
        // all is there
        (OLD, 5, 5, &[], &[(4, 5)], None),
        // the last one did not get in
        (OLD, 4, 4, &[(5, 5, 0)], &[(4, 4)], None),
        // only what is surely synced is in
        (OLD, 3, 3, &[(4, 5, 0)], &[], None),
        // it was taken out: the numbers go on behind it
        (OLD, 4, 5, &[(5, 5, 1)], &[(4, 4)], None),
        (OLD, 2, 5, &[(3, 5, 3)], &[], Some(3)),
        // the stream forgot what it had synced
        (OLD, 2, 2, &[(3, 5, 0)], &[], Some(3)),
        // another stream: all that is held goes in
        (NEW, 0, 0, &[(1, 5, 0)], &[], Some(1)),
        (NEW, 10, 10, &[(1, 5, 10)], &[], Some(1)),
        // the stream knows more than the station, whose store is an old copy
        (OLD, 6, 6, &[], &[(4, 5)], None),
        (OLD, 9, 9, &[], &[(4, 5)], None),
    ];
    for row in ROWS {
        let (created_ns, present_sequence, last_sequence, deliveries, recalled, lost) = *row;
        let mut bench = Bench::new(COUNTY);
        bench.tell(opened(1, 0));
        publish(&mut bench, 5, None);
        bench.tell(Input::Delivered { through: 5 });
        bench.tell(Input::Released { through: 3, ids: Vec::new() });
        let opening = 2;
        let again = Input::InboxOpened { opening, created_ns, present_sequence, last_sequence };
        let said = bench.tell(again);
        let from = said.iter().find_map(|effect| match effect {
            Effect::Notice(Notice::InboxLost { from }) => Some(*from),
            _ => None,
        });
        assert_eq!(from, lost, "{row:?}");
        let recall: Vec<_> = recalled.iter().map(|(from, through)| (2, *from, *through)).collect();
        assert_eq!(recalls(&said), recall, "{row:?}");
        assert_eq!(asked(said), deliveries, "{row:?}");
        // what comes next takes the next sequence of the stream
        let next = publish(&mut bench, 1, None);
        let held = deliveries.iter().map(|(from, through, _)| through - from + 1).sum::<u64>();
        let offset = (last_sequence + held) as i64 - 5;
        assert_eq!((next[0].from, next[0].opening, next[0].offset), (6, 2, offset), "{row:?}");
    }
}

#[test]
fn a_stream_that_holds_others_messages_is_written_behind_them() {
    let mut bench = Bench::new(COUNTY);
    publish(&mut bench, 2, None);
    assert_eq!(asked(bench.tell(opened(1, 40))), [(1, 2, 40)]);
}

#[test]
fn the_stream_is_not_asked_for_more_than_it_keeps_up_with() {
    let mut bench = Bench::new(COUNTY);
    bench.tell_all((0..3000).map(|n| submitted(n, "directive.issue", COUNTY, None)).collect());
    assert_eq!(asked(bench.tell(opened(1, 0))), [(1, 2048, 0)]);
    assert!(publish(&mut bench, 1, None).is_empty());
    assert_eq!(asked(bench.tell(Input::Delivered { through: 100 })), [(2049, 2148, 0)]);
    // an answer that comes late, or of what was not asked for, changes nothing
    assert!(bench.tell(Input::Delivered { through: 50 }).is_empty());
    assert_eq!(asked(bench.tell(Input::Delivered { through: 9_999 })), [(2149, 3001, 0)]);
}

#[test]
fn what_ended_while_the_stream_was_away_leaves_no_hole_in_it() {
    let mut bench = Bench::new(COUNTY);
    bench.tell(opened(1, 0));
    bench.tell(Input::InboxClosed);
    for ttl_ms in [None, Some(1000), Some(1000), None, Some(1000)] {
        assert!(publish(&mut bench, 1, ttl_ms).is_empty(), "nobody is there to take it");
    }
    bench.wait_ms(2000);
    let mut said = asked(bench.tell(opened(2, 0)));
    said.extend(publish(&mut bench, 1, None).iter().map(|it| (it.from, it.through, it.offset)));
    // sequences 1, 2 and 3
    assert_eq!(said, [(1, 1, 0), (4, 4, -2), (6, 6, -3)]);
    assert_eq!(bench.station.kept().outcomes.ended(Outcome::Expired), 3);
}

#[test]
fn a_word_about_legs_that_are_not_open_does_not_close_the_stream() {
    let mut bench = Bench::new(COUNTY);
    bench.tell(opened(1, 0));
    publish(&mut bench, 3, Some(1000));
    bench.tell(Input::Delivered { through: 2 });
    bench.tell(Input::Released { through: 2, ids: Vec::new() });
    for leg in [1, 2, 4, 99] {
        bench.tell(Input::Stale { leg });
    }
    assert_eq!(publish(&mut bench, 1, None).len(), 1);
    assert_eq!(bench.station.kept().outcomes.ended(Outcome::Expired), 0);
}

#[test]
fn only_what_the_stream_answered_for_is_released_and_told_as_delivered() {
    let mut bench = Bench::new(COUNTY);
    bench.tell(opened(1, 0));
    publish(&mut bench, 5, Some(1000));
    let ids: Vec<_> = bench
        .records()
        .iter()
        .filter_map(|record| match record {
            yizhan_core::record::Record::Put(put) => Some(put),
            _ => None,
        })
        .map(|put| InInbox::plain(put.legs[0].sequence, put.envelope.header().id()))
        .collect();
    let delivered = |bench: &Bench| bench.station.kept().outcomes.ended(Outcome::Delivered);
    bench.tell(Input::Delivered { through: 1 });
    // the second was too old when its turn came; the others move up
    bench.wait_ms(2000);
    bench.tell(Input::Stale { leg: 2 });
    bench.tell(opened(2, 3));
    let release = |through| Input::Released { through, ids: ids.clone() };
    bench.tell(release(5));
    assert_eq!((released(&bench), delivered(&bench)), (4, 3), "1, 3 and 4");
    assert!(bench.tell(release(4)).is_empty(), "that was known");
    assert_eq!((released(&bench), delivered(&bench)), (4, 3));
}
