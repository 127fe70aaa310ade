//! When an old segment of the log goes, when it is emptied first, and when it stays.

use yizhan_core::effect::Effect;
use yizhan_core::input::Input;
use yizhan_core::link::Link;
use yizhan_schemas::Lane;

use crate::chain::Chain;
use crate::two_hops::oldest;

const TOWN: &str = "510722.101";
const DAY_MS: u64 = 86_400_000;

#[derive(Debug, PartialEq)]
enum Fate {
    Stays,
    Goes,
    IsEmptied,
}

/// What becomes of a segment of so many legs, the last of them open, on a disk of 100,000 bytes.
fn fate(legs: u64, open: u64, held_bytes: u64) -> Fate {
    let mut chain = Chain::of(&["510722", TOWN]);
    let publish = |chain: &mut Chain, count| {
        for _ in 0..count {
            chain.publish(0, "directive.issue", TOWN, None);
        }
    };
    publish(&mut chain, legs - open);
    chain.cut.insert(1);
    chain.wait_ms(11_000);
    publish(&mut chain, open);
    let link = Link::Down(chain.code(1));
    let segment = oldest(&chain, 0, &link, legs);
    chain.tell(0, Input::Disk { held_bytes, max_bytes: 100_000 });
    chain.tell(0, segment);
    match &chain.reclaims[..] {
        [] => Fate::Stays,
        [Effect::Discard { segment: 1 }] => Fate::Goes,
        [Effect::Carry { segment: 1, open: runs }] => {
            let lane = Lane::Routine;
            assert_eq!(runs[..], [(link, lane, legs - open + 1, legs)], "all that is open");
            Fate::IsEmptied
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_fuller_the_disk_the_less_gain_is_worth_emptying_a_segment() {
    for (open, held_bytes, expected) in [
        // within the share of what is kept for a refill
        (0, 20_000, Fate::Stays),
        (0, 20_001, Fate::Goes),
        // beyond it a quarter may be open, on a nearly full disk a half, and then all but one leg
        (10, 20_001, Fate::IsEmptied),
        (11, 20_001, Fate::Stays),
        (20, 89_999, Fate::Stays),
        (20, 90_000, Fate::IsEmptied),
        (21, 94_999, Fate::Stays),
        (39, 94_999, Fate::Stays),
        (39, 95_000, Fate::IsEmptied),
        (40, 100_000, Fate::Stays),
    ] {
        assert_eq!(fate(40, open, held_bytes), expected, "{open} open, {held_bytes} bytes held");
    }
}

#[test]
fn what_is_durable_beyond_the_neighbour_goes_after_a_week_and_the_rest_does_not() {
    for (inbox_open, age_ms, goes) in
        [(true, 7 * DAY_MS - 2, false), (true, 7 * DAY_MS, true), (false, 30 * DAY_MS, false)]
    {
        let mut chain = Chain::of(&["510722", TOWN]);
        if !inbox_open {
            chain.tell(1, Input::InboxClosed);
        }
        for _ in 0..3 {
            chain.publish(0, "directive.issue", TOWN, None);
        }
        chain.wait_ms(1_000);
        let segment = oldest(&chain, 0, &Link::Down(chain.code(1)), 3);
        chain.benches[0].now.wall_ms += age_ms;
        chain.tell(0, segment);
        assert_eq!(!chain.reclaims.is_empty(), goes, "{inbox_open}, after {age_ms} ms");
    }
}
