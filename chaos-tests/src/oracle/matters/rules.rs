//! What is legal, written down from the manual (`schemas/README.md`, "What messages mean") and not
//! from the core.

use yizhan_schemas::Code;
use yizhan_schemas::payload::stats::{Family, Measure};

use super::said::Said;

/// The stage of what is over.
pub const ENDED: &str = "ended";
/// Mediations after which a case may go up, in the policy of a story.
pub const LADDER_ATTEMPTS: usize = 2;
/// That policy.
pub const POLICY: &str = "[policy]\n[[policy.ladder]]\nkind = \"case.*\"\nattempts = 2\n";

/// Where an incident stands, what is done, where it stands then, what is counted.
const INCIDENT: [(&[&str], &str, &str, Measure); 7] = [
    (&["reported", "returned"], "accepted", "accepted", Measure::Accepted),
    (&["accepted"], "dispatched", "dispatched", Measure::Dispatched),
    (&["dispatched"], "handled", "handled", Measure::Handled),
    (&["handled"], "verified", "verified", Measure::Verified),
    (&["verified", "returned"], "closed", ENDED, Measure::Closed),
    (
        &["reported", "accepted", "dispatched", "handled", "verified"],
        "returned",
        "returned",
        Measure::Returned,
    ),
    (&["reported", "accepted", "dispatched", "returned"], "cancelled", ENDED, Measure::Cancelled),
];

/// Where a matter stands after a step, and what is counted; nothing if the step is illegal.
pub fn lead(
    family: Family,
    stage: &str,
    closed: bool,
    said: &Said,
) -> Option<(&'static str, Measure)> {
    if let Said::Step { step, reason, .. } = said {
        let rows = INCIDENT.into_iter().filter(|_| family == Family::Incident);
        let mut fits = rows.filter(|(from, word, ..)| word == step && from.contains(&stage));
        let (_, word, to, measure) = fits.next()?;
        return (word != "returned" || *reason).then_some((to, measure));
    }
    if family != Family::Case {
        return None;
    }
    Some(match (stage, said) {
        ("open", Said::Attempt { .. }) => ("open", Measure::Attempts),
        ("open", Said::Close { .. }) => (ENDED, Measure::Closed),
        ("proposed", Said::Accept { .. }) => ("open", Measure::Accepted),
        ("proposed", Said::Return { .. }) => (ENDED, Measure::Returned),
        (ENDED, Said::Evaluate { .. }) if closed => (ENDED, Measure::Evaluated),
        _ => return None,
    })
}

/// Who reported a matter may speak of it, the stations above, and the station that has it.
pub fn may_speak(here: &Code, speaker: &Code, reporter: &Code) -> bool {
    let below = reporter.as_str().strip_prefix(speaker.as_str());
    speaker == here || below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use yizhan_schemas::MessageId;

    #[test]
    fn who_is_above_has_a_say_and_who_has_a_like_code_has_none() {
        let code = |text: &str| Code::parse(text).unwrap();
        let reporter = code("510722.101.002");
        for (speaker, may) in [
            ("510722.101.002", true),
            ("510722.101", true),
            ("510722", true),
            ("510722.102", false),
            ("510722.101.002.001", false),
        ] {
            let here = code("510722");
            assert_eq!(may_speak(&here, &code(speaker), &reporter), may, "{speaker}");
        }
        let here = code("510722.102");
        assert!(may_speak(&here, &here, &reporter), "the station that has it");
    }

    #[test]
    fn a_return_needs_its_reason_and_an_incident_is_no_case() {
        let subject = MessageId::parse("510722.101-b7k2qf-r1").unwrap();
        let step =
            |reason| Said::Step { subject: subject.clone(), step: "returned".into(), reason };
        assert!(lead(Family::Incident, "handled", false, &step(true)).is_some());
        assert!(lead(Family::Incident, "handled", false, &step(false)).is_none());
        assert!(lead(Family::Case, "open", false, &step(true)).is_none());
        let close = Said::Close { subject };
        assert!(lead(Family::Incident, "verified", false, &close).is_none());
        assert!(lead(Family::Case, "open", false, &close).is_some());
    }
}
