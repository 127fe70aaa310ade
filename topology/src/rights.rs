//! Who may address whom with what (design §7, Rights). The same rule speaks where a message is
//! handed in and at every hop that it crosses, so that nobody's order is taken from below and
//! nobody's report is carried sideways, whoever let it in.
//!
//! | kinds | to |
//! |---|---|
//! | `incident.*`, `case.*` | `up`, a station above, the origin itself |
//! | `directive.*`, `broadcast.*`, `policy.*` | the origin itself and what is below it |
//! | `video.*`, others | either way, not sideways |
//!
//! The rule looks at codes only: two stations whose topologies differ judge alike.
//!
//! A camera often hangs above the stations that may command it, so `video.*` may rise; whether its
//! origin may command that device is asked where the device hangs ([`commands`]).

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
            Target::UpTo(code)
            | Target::One(code)
            | Target::Role(_, code)
            | Target::Worker(_, code) => code == origin || code.is_above(origin),
            _ => false,
        };
        let sinks = target.code().is_some_and(|code| code.is_within(origin))
            && !matches!(target, Target::UpTo(code) if code != origin);
        !((rises && may_rise) || (sinks && may_sink))
    })?;
    Some(Overreach { target, may_rise, may_sink })
}

/// What the catalogue of a station says of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known<'c> {
    /// There is no catalogue.
    Nothing,
    /// The device is not in it.
    NoSuchDevice,
    /// Where it is.
    Device {
        /// The station on whose bus its adapter is.
        hangs_under: &'c Code,
        /// The station to whose area it belongs.
        jurisdiction: &'c Code,
    },
}

/// Why a station does not have a device do what an origin asks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// It does not know the device.
    #[error("the catalogue of {here} has no such device")]
    NoSuchDevice {
        /// The station that was asked.
        here: Code,
    },
    /// The device is another station's.
    #[error("it hangs under {hangs_under}; send the command there")]
    Elsewhere {
        /// Whose.
        hangs_under: Code,
    },
    /// The device is not within the origin's area.
    #[error(
        "the device belongs to {jurisdiction}; that station and those above may command it, and \
         {origin} is none of them"
    )]
    Jurisdiction {
        /// Who asks.
        origin: Code,
        /// The station to whose area it belongs.
        jurisdiction: Code,
    },
    /// Without a catalogue only what comes from here or above is obeyed.
    #[error(
        "{here} has no catalogue of devices, so it obeys itself and those above, and not {origin}"
    )]
    NotAbove {
        /// Who asks.
        origin: Code,
        /// The station that was asked.
        here: Code,
    },
}

/// Whether a device at `here` does what `origin` asks.
///
/// # Errors
/// Why it does not.
pub fn commands(origin: &Code, here: &Code, known: Known<'_>) -> Result<(), Denial> {
    match known {
        Known::Nothing if here.is_within(origin) => Ok(()),
        Known::Nothing => Err(Denial::NotAbove { origin: origin.clone(), here: here.clone() }),
        Known::NoSuchDevice => Err(Denial::NoSuchDevice { here: here.clone() }),
        Known::Device { jurisdiction, .. } if !jurisdiction.is_within(origin) => {
            let (origin, jurisdiction) = (origin.clone(), jurisdiction.clone());
            Err(Denial::Jurisdiction { origin, jurisdiction })
        }
        Known::Device { hangs_under, .. } if hangs_under != here => {
            Err(Denial::Elsewhere { hangs_under: hangs_under.clone() })
        }
        Known::Device { .. } => Ok(()),
    }
}

fn directions(kind: &Kind) -> (bool, bool) {
    match kind.family() {
        "incident" | "case" => (true, false),
        "directive" | "broadcast" | "policy" => (false, true),
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
            (village, "video.dispatch", town, true),
            (village, "video.dispatch", county, true),
            (county, "video.dispatch", village, true),
            (town, "video.dispatch", other, false),
            (village, "video.dispatch", "510722.>", false),
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

    #[test]
    fn a_device_obeys_the_station_of_its_area_and_those_above_wherever_it_hangs() {
        let (county, town, village) = ("510722", "510722.101", "510722.101.002");
        let (other, next) = ("510722.102", "510722.101.003");
        let code = |text: &str| Code::parse(text).unwrap();
        for (origin, here, device, denied) in [
            // hangs at the county, belongs to a village
            (county, county, Some((county, village)), None),
            (town, county, Some((county, village)), None),
            (village, county, Some((county, village)), None),
            (next, county, Some((county, village)), Some("belongs to 510722.101.002")),
            (other, county, Some((county, village)), Some("belongs to 510722.101.002")),
            // belongs to a township: not to the villages in it
            (town, county, Some((county, town)), None),
            (village, county, Some((county, town)), Some("belongs to 510722.101;")),
            (village, county, Some((county, county)), Some("belongs to 510722;")),
            // hangs where it belongs
            (county, village, Some((village, village)), None),
            (village, village, Some((village, village)), None),
            (village, village, Some((village, town)), Some("belongs to 510722.101;")),
            // hangs elsewhere: told to whom it is no secret
            (county, village, Some((town, village)), Some("hangs under 510722.101;")),
            (other, village, Some((town, village)), Some("belongs to 510722.101.002")),
        ] {
            let device = device.map(|(hangs, belongs)| (code(hangs), code(belongs)));
            let known = device.as_ref().map_or(Known::Nothing, |(hangs_under, jurisdiction)| {
                Known::Device { hangs_under, jurisdiction }
            });
            let said = commands(&code(origin), &code(here), known).map_err(|no| no.to_string());
            let said = said.err();
            let as_it_should = match (denied, &said) {
                (None, None) => true,
                (Some(words), Some(said)) => said.contains(words),
                _ => false,
            };
            assert!(as_it_should, "{origin} at {here}, {device:?}: {said:?}");
        }
        let bare = |origin, known| commands(&code(origin), &code(town), known);
        assert_eq!(bare(county, Known::Nothing), Ok(()));
        assert_eq!(bare(town, Known::Nothing), Ok(()));
        assert!(matches!(bare(village, Known::Nothing), Err(Denial::NotAbove { .. })));
        assert!(matches!(bare(other, Known::Nothing), Err(Denial::NotAbove { .. })));
        let none = bare(county, Known::NoSuchDevice);
        assert_eq!(none, Err(Denial::NoSuchDevice { here: code(town) }));
    }
}
