//! Who may address whom with what (design §7, Rights). The same rule speaks where a message is
//! handed in and at every hop that it crosses, so that nobody's order is taken from below and
//! nobody's report is carried sideways, whoever let it in.
//!
//! | kinds | to |
//! |---|---|
//! | `incident.*`, `case.*` | `up`, a station above, the origin itself |
//! | `directive.*`, `broadcast.*`, `video.*`, `policy.*` | the origin itself and what is below it |
//! | others | either way, not sideways |
//!
//! The rule looks at codes only: two stations whose topologies differ judge alike.

use yizhan_schemas::selector::Target;
use yizhan_schemas::{Code, Kind, Selector};

/// A target that an origin may not address with a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overreach<'s> {
    /// The part of the selector.
    pub target: &'s Target,
    /// True if the kind may go to the origin and what is above it.
    pub may_rise: bool,
    /// True if it may go to the origin and what is below it.
    pub may_sink: bool,
}

/// The first target of a selector that `origin` may not address with `kind`, if there is one.
pub fn overreach<'s>(origin: &Code, kind: &Kind, to: &'s Selector) -> Option<Overreach<'s>> {
    let (may_rise, may_sink) = directions(kind);
    let target = to.targets().iter().find(|target| {
        let rises = match target {
            Target::Up => true,
            Target::UpTo(code) | Target::One(code) => code == origin || code.is_above(origin),
            _ => false,
        };
        let sinks = target.code().is_some_and(|code| code.is_within(origin))
            && !matches!(target, Target::UpTo(code) if code != origin);
        !((rises && may_rise) || (sinks && may_sink))
    })?;
    Some(Overreach { target, may_rise, may_sink })
}

fn directions(kind: &Kind) -> (bool, bool) {
    match kind.family() {
        "incident" | "case" => (true, false),
        "directive" | "broadcast" | "video" | "policy" => (false, true),
        _ => (true, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_rise_orders_sink_and_nothing_goes_sideways() {
        let (county, town, village) = ("510722", "510722.101", "510722.101.002");
        let other = "510722.102";
        for (origin, kind, to, allowed) in [
            (village, "incident.report", "up", true),
            (village, "incident.report", county, true),
            (village, "incident.report", village, true),
            (village, "case.open", "up:510722.101", true),
            (village, "incident.report", other, false),
            (town, "incident.report", village, false),
            (town, "incident.report", "510722.101.>", false),
            (county, "directive.issue", "510722.>", true),
            (town, "directive.issue", "510722.101.*", true),
            (town, "directive.issue", town, true),
            (town, "directive.issue", county, false),
            (town, "directive.issue", "up", false),
            (town, "directive.issue", "510722.>", false),
            (town, "directive.issue", other, false),
            (town, "directive.issue", "510722.101.002,510722.102.001", false),
            (village, "video.dispatch", town, false),
            (village, "policy.set", "510722.>", false),
            (town, "notes.share", "up", true),
            (town, "notes.share", village, true),
            (town, "notes.share", other, false),
        ] {
            let (origin_code, kind_parsed) =
                (Code::parse(origin).unwrap(), Kind::parse(kind).unwrap());
            let selector = Selector::parse(to).unwrap();
            let over = overreach(&origin_code, &kind_parsed, &selector);
            assert_eq!(over.is_none(), allowed, "{kind} of {origin} to {to}");
        }
    }
}
