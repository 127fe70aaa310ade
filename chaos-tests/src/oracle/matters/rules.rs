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
