//! Ladder, 梯度解纷: what may be done about a case, and when it may go up a tier.
//!
//! A case is mediated on the tier that has it, and goes up by application only, once that tier
//! has tried often or long enough. The application names every attempt that was recorded, so
//! nothing is left behind; the tier above takes it, or sends it back with a reason.

use std::collections::BTreeSet;
use std::time::Duration;

use yizhan_schemas::MessageId;
use yizhan_schemas::payload::stats::Measure;
use yizhan_topology::Ladder;

use crate::matter::{Stage, To};

/// What somebody wants to do about a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Record a mediation.
    Attempt,
    /// Ask the tier above to take it.
    Apply,
    /// Take it from the tier below.
    Accept,
    /// Send it back there.
    Return,
    /// End it.
    Close,
}

impl Move {
    /// All.
    pub const ALL: [Self; 5] =
        [Self::Attempt, Self::Apply, Self::Accept, Self::Return, Self::Close];

    fn word(self) -> &'static str {
        match self {
            Self::Attempt => "case.attempt",
            Self::Apply => "case.apply",
            Self::Accept => "case.accept",
            Self::Return => "case.return",
            Self::Close => "case.close",
        }
    }
}

/// Where a move leads, and what it is counted as.
///
/// # Errors
/// Why it may not be made, in words that say what may.
pub fn step(stage: Stage, what: Move) -> Result<(To, Measure), String> {
    lead(stage, what).ok_or_else(|| illegal(stage, what))
}

fn lead(stage: Stage, what: Move) -> Option<(To, Measure)> {
    Some(match (stage, what) {
        (Stage::Open, Move::Attempt) => (To::Stage(Stage::Open), Measure::Attempts),
        (Stage::Open, Move::Apply) => (To::Stage(Stage::Applied), Measure::Raised),
        (Stage::Open, Move::Close) => (To::End, Measure::Closed),
        (Stage::Proposed, Move::Accept) => (To::Stage(Stage::Open), Measure::Accepted),
        (Stage::Proposed, Move::Return) => (To::End, Measure::Returned),
        _ => return None,
    })
}

fn illegal(stage: Stage, what: Move) -> String {
    let legal = Move::ALL.into_iter().filter(|what| lead(stage, *what).is_some());
    let legal: Vec<_> = legal.map(Move::word).collect();
    let valid = if legal.is_empty() { "nothing".to_owned() } else { legal.join(", ") };
    format!("{} does not fit a case that is {}; valid is {valid}", what.word(), stage.word())
}

/// Whether a case has been on this tier often or long enough to go up.
///
/// # Errors
/// What is missing, in words.
pub fn may_rise(attempts: usize, age_ms: u64, rule: Option<&Ladder>) -> Result<(), String> {
    let Some(rule) = rule else {
        return Err("no [[policy.ladder]] lets cases of this kind go up".to_owned());
    };
    let enough = rule.attempts.is_some_and(|needed| attempts >= needed as usize);
    let old = rule.max_age.is_some_and(|max_age| Duration::from_millis(age_ms) >= max_age);
    if enough || old {
        return Ok(());
    }
    let needed = rule.attempts.map(|needed| format!("{attempts} of {needed} attempts recorded"));
    let older = rule.max_age.map(|max_age| {
        let (hours, of) = (age_ms / 3_600_000, max_age.as_secs() / 3600);
        format!("{hours} of {of} h on this tier")
    });
    let both: Vec<String> = needed.into_iter().chain(older).collect();
    Err(format!("the case may not go up yet: {}", both.join(", ")))
}

/// Whether an application's history names every attempt that was recorded on this tier.
///
/// # Errors
/// The first one that it leaves out, in words.
pub fn tells_all(attempts: &[MessageId], history: &[MessageId]) -> Result<(), String> {
    let told: BTreeSet<&MessageId> = history.iter().collect();
    match attempts.iter().find(|attempt| !told.contains(attempt)) {
        Some(left_out) => Err(format!(
            "`history` leaves out the attempt {left_out}; a case carries its whole history"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row a stage: where an attempt, an application, its acceptance, its return and a close
    /// lead. `-` is illegal, `.` is the end.
    const TABLE: [(Stage, [&str; 5]); 10] = [
        (Stage::Proposed, ["-", "-", "open", ".", "-"]),
        (Stage::Open, ["open", "applied", "-", "-", "."]),
        (Stage::Applied, ["-"; 5]),
        (Stage::Risen, ["-"; 5]),
        (Stage::Reported, ["-"; 5]),
        (Stage::Accepted, ["-"; 5]),
        (Stage::Dispatched, ["-"; 5]),
        (Stage::Handled, ["-"; 5]),
        (Stage::Verified, ["-"; 5]),
        (Stage::Returned, ["-"; 5]),
    ];

    #[test]
    fn every_move_at_every_stage_is_as_the_table_says() {
        for (stage, row) in TABLE {
            for (what, expected) in Move::ALL.into_iter().zip(row) {
                let found = match step(stage, what) {
                    Ok((To::Stage(stage), _)) => stage.word(),
                    Ok((To::End, _)) => ".",
                    Err(_) => "-",
                };
                assert_eq!(found, expected, "{} at {}", what.word(), stage.word());
            }
        }
        let why = step(Stage::Proposed, Move::Attempt).unwrap_err();
        assert!(why.ends_with("valid is case.accept, case.return"), "{why}");
    }

    fn rule(attempts: Option<u32>, max_age_h: Option<u64>) -> Ladder {
        let max_age = max_age_h.map(|hours| Duration::from_secs(hours * 3600));
        Ladder { kind: "case.*".to_owned(), attempts, max_age }
    }

    #[test]
    fn a_case_rises_after_enough_attempts_or_enough_time_and_never_without_a_rule() {
        const HOUR_MS: u64 = 3_600_000;
        for (attempts, age_h, rule, allowed) in [
            (3, 0, rule(Some(3), Some(72)), true),
            (2, 71, rule(Some(3), Some(72)), false),
            (0, 72, rule(Some(3), Some(72)), true),
            (2, 1000, rule(Some(3), None), false),
            (1000, 71, rule(None, Some(72)), false),
        ] {
            let found = may_rise(attempts, age_h * HOUR_MS, Some(&rule));
            assert_eq!(found.is_ok(), allowed, "{attempts} attempts, {age_h} h, {rule:?}");
        }
        assert!(may_rise(1000, 1000 * HOUR_MS, None).is_err());
        let why = may_rise(2, 5 * HOUR_MS, Some(&rule(Some(3), Some(72)))).unwrap_err();
        assert!(why.ends_with("2 of 3 attempts recorded, 5 of 72 h on this tier"), "{why}");
    }

    #[test]
    fn a_history_with_a_gap_is_refused_by_the_name_of_what_is_missing() {
        let id = |n| MessageId::parse(&format!("510722.101-b7k2qf-r{n}")).unwrap();
        assert_eq!(tells_all(&[id(1), id(2)], &[id(9), id(2), id(1)]), Ok(()));
        let why = tells_all(&[id(1), id(2)], &[id(1)]).unwrap_err();
        assert!(why.contains(&id(2).to_string()), "{why}");
    }
}
