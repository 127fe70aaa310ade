//! Lifecycle: which steps an incident may take.
//!
//! `reported → accepted → dispatched → handled → verified → closed`; `returned` from each of them,
//! and back to `accepted`; `cancelled` as long as nothing was done. Every other step is illegal.

use yizhan_schemas::payload::incident::update::Step;
use yizhan_schemas::payload::stats::Measure;

use crate::matter::{Stage, To};

/// Where a step leads, and what it is counted as.
///
/// # Errors
/// Why it may not be taken, in words that say what may.
pub fn step(stage: Stage, step: Step, reason: Option<&str>) -> Result<(To, Measure), String> {
    let to = lead(stage, step).ok_or_else(|| illegal(stage, step))?;
    if step == Step::Returned && reason.is_none_or(|reason| reason.trim().is_empty()) {
        return Err("a return needs its `reason`".to_owned());
    }
    Ok((to, measure(step)))
}

fn lead(stage: Stage, step: Step) -> Option<To> {
    Some(match (stage, step) {
        (Stage::Reported | Stage::Returned, Step::Accepted) => To::Stage(Stage::Accepted),
        (Stage::Accepted, Step::Dispatched) => To::Stage(Stage::Dispatched),
        (Stage::Dispatched, Step::Handled) => To::Stage(Stage::Handled),
        (Stage::Handled, Step::Verified) => To::Stage(Stage::Verified),
        (Stage::Verified | Stage::Returned, Step::Closed) => To::End,
        (
            Stage::Reported
            | Stage::Accepted
            | Stage::Dispatched
            | Stage::Handled
            | Stage::Verified,
            Step::Returned,
        ) => To::Stage(Stage::Returned),
        (
            Stage::Reported | Stage::Accepted | Stage::Dispatched | Stage::Returned,
            Step::Cancelled,
        ) => To::End,
        _ => return None,
    })
}

fn illegal(stage: Stage, step: Step) -> String {
    let legal = Step::ALL.into_iter().filter(|step| lead(stage, *step).is_some());
    let legal: Vec<_> = legal.map(Step::word).collect();
    let valid = if legal.is_empty() { "nothing".to_owned() } else { legal.join(", ") };
    format!("`{}` does not follow `{}`; valid is {valid}", step.word(), stage.word())
}

fn measure(step: Step) -> Measure {
    match step {
        Step::Accepted => Measure::Accepted,
        Step::Dispatched => Measure::Dispatched,
        Step::Handled => Measure::Handled,
        Step::Verified => Measure::Verified,
        Step::Closed => Measure::Closed,
        Step::Returned => Measure::Returned,
        Step::Cancelled => Measure::Cancelled,
    }
}

/// The step that an incident waits for; none that is back where it came from, or on another tier.
pub fn awaited(stage: Stage) -> Option<Step> {
    match stage {
        Stage::Reported => Some(Step::Accepted),
        Stage::Accepted => Some(Step::Dispatched),
        Stage::Dispatched => Some(Step::Handled),
        Stage::Handled => Some(Step::Verified),
        Stage::Verified => Some(Step::Closed),
        _ => None,
    }
}

/// True while nothing was done about an incident: the tier above may have to.
pub fn is_unhandled(stage: Stage) -> bool {
    matches!(stage, Stage::Reported | Stage::Accepted | Stage::Dispatched)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAGES: [Stage; 10] = [
        Stage::Reported,
        Stage::Accepted,
        Stage::Dispatched,
        Stage::Handled,
        Stage::Verified,
        Stage::Returned,
        Stage::Proposed,
        Stage::Open,
        Stage::Applied,
        Stage::Risen,
    ];

    /// One row a stage: where `accepted`, `dispatched`, `handled`, `verified`, `closed`, `returned`
    /// and `cancelled` lead. `-` is illegal, `.` is the end.
    const TABLE: [(Stage, [&str; 7]); 10] = [
        (Stage::Reported, ["accepted", "-", "-", "-", "-", "returned", "."]),
        (Stage::Accepted, ["-", "dispatched", "-", "-", "-", "returned", "."]),
        (Stage::Dispatched, ["-", "-", "handled", "-", "-", "returned", "."]),
        (Stage::Handled, ["-", "-", "-", "verified", "-", "returned", "-"]),
        (Stage::Verified, ["-", "-", "-", "-", ".", "returned", "-"]),
        (Stage::Returned, ["accepted", "-", "-", "-", ".", "-", "."]),
        (Stage::Proposed, ["-"; 7]),
        (Stage::Open, ["-"; 7]),
        (Stage::Applied, ["-"; 7]),
        (Stage::Risen, ["-"; 7]),
    ];

    #[test]
    fn every_step_from_every_stage_is_as_the_table_says() {
        assert_eq!(TABLE.map(|(stage, _)| stage), STAGES);
        for (stage, row) in TABLE {
            for (step, expected) in Step::ALL.into_iter().zip(row) {
                let found = match super::step(stage, step, Some("不属本站")) {
                    Ok((To::Stage(stage), _)) => stage.word(),
                    Ok((To::End, _)) => ".",
                    Err(_) => "-",
                };
                assert_eq!(found, expected, "{} after {}", step.word(), stage.word());
            }
        }
    }

    #[test]
    fn an_illegal_step_is_told_what_would_be_legal() {
        let why = step(Stage::Accepted, Step::Closed, None).unwrap_err();
        let valid = "`closed` does not follow `accepted`; valid is dispatched, returned, cancelled";
        assert_eq!(why, valid);
        assert!(step(Stage::Risen, Step::Closed, None).unwrap_err().ends_with("valid is nothing"));
        assert!(step(Stage::Accepted, Step::Returned, Some(" ")).unwrap_err().contains("reason"));
    }

    #[test]
    fn what_is_awaited_is_legal() {
        for stage in STAGES {
            if let Some(awaited) = awaited(stage) {
                assert!(step(stage, awaited, None).is_ok(), "{}", stage.word());
            }
        }
    }
}
