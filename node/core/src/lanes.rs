//! Lanes: whose turn it is on a link. Flash is strict; the rest share by weight 8 : 4 : 1.

use yizhan_schemas::{Lane, PerLane};

/// Turns of a lane in one round when all have something to send.
fn weight(lane: Lane) -> u64 {
    match lane {
        Lane::Flash => 16,
        Lane::Immediate => 8,
        Lane::Priority => 4,
        Lane::Routine => 1,
    }
}

/// The credit of each lane: bytes weighed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turns {
    spent: PerLane<u64>,
}

impl Turns {
    /// The lane to serve among those that have something to send.
    pub fn pick(&self, waiting: impl Fn(Lane) -> bool) -> Option<Lane> {
        if waiting(Lane::Flash) {
            return Some(Lane::Flash);
        }
        let rest = Lane::ALL.into_iter().filter(|lane| *lane != Lane::Flash && waiting(*lane));
        rest.min_by_key(|lane| *self.spent.get(*lane))
    }

    /// A lane was served.
    pub fn served(&mut self, lane: Lane, bytes: u64, waiting: impl Fn(Lane) -> bool) {
        let cost = bytes.saturating_mul(16) / weight(lane);
        let spent = self.spent.get_mut(lane);
        *spent = spent.saturating_add(cost);
        // a lane that was idle must not come back with a pile of credit
        let floor = Lane::ALL.into_iter().filter(|lane| waiting(*lane));
        let floor = floor.map(|lane| *self.spent.get(lane)).min().unwrap_or(u64::MAX);
        for lane in Lane::ALL {
            let spent = self.spent.get_mut(lane);
            *spent = spent.saturating_sub(floor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flash_goes_first_and_the_rest_share_by_weight() {
        let mut turns = Turns::default();
        let mut served = PerLane([0_u32; 4]);
        assert_eq!(turns.pick(|_| true), Some(Lane::Flash));
        let waiting = |lane| lane != Lane::Flash;
        for _ in 0..130 {
            let lane = turns.pick(waiting).unwrap();
            *served.get_mut(lane) += 1;
            turns.served(lane, 1000, waiting);
        }
        let PerLane([flash, immediate, priority, routine]) = served;
        assert_eq!(flash, 0);
        assert!((78..=82).contains(&immediate), "{immediate}");
        assert!((38..=42).contains(&priority), "{priority}");
        assert!((9..=11).contains(&routine), "{routine}");
    }

    #[test]
    fn nothing_to_send_is_nobodys_turn() {
        assert_eq!(Turns::default().pick(|_| false), None);
    }
}
