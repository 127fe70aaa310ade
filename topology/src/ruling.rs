//! [`Ruling`]: a `[policy]` that the root sends while the county runs, from a stated time on.
//!
//! Promise: of all that a station has heard, the highest version whose time has come counts; order
//! and repetition do not matter, and a file whose own `version` is as high counts instead.

use serde::{Deserialize, Serialize};
use yizhan_schemas::payload::policy;

use crate::tree::Topology;

/// Longest policy that travels, bytes.
pub const POLICY_BYTES_MAX: usize = 64 * 1024;
/// Rulings remembered: the one in force, and those whose time has not come.
pub const RULINGS_MAX: usize = 8;

/// A policy with its version and its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// A higher one wins.
    pub version: u64,
    /// The `[policy]` of a topology file, as TOML.
    pub policy: String,
    /// From when on it counts, Unix milliseconds; at once if it is past.
    pub effective_ms: u64,
}

impl Ruling {
    /// What a message says of rules, if it does.
    ///
    /// # Errors
    /// What is wrong with it, in words that say what would be valid.
    pub fn read(set: &policy::Set) -> Result<Option<Self>, String> {
        let Some(text) = &set.policy else { return Ok(None) };
        let version = set.version.filter(|version| *version > 0);
        let version = version.ok_or("`policy` needs a `version` of 1 or more")?;
        if text.len() > POLICY_BYTES_MAX {
            let bytes = text.len();
            return Err(format!("`policy` is {bytes} bytes long; valid are {POLICY_BYTES_MAX}"));
        }
        let at = |text: &String| -> Result<u64, String> {
            let moment: Result<jiff::Timestamp, _> = text.parse();
            let valid = "valid is RFC 3339 with an offset, as in 2026-11-26T00:00:00+08:00";
            let moment = moment.map_err(|_| format!("`effective_at` is not a moment; {valid}"))?;
            Ok(u64::try_from(moment.as_millisecond()).unwrap_or(0))
        };
        let effective_ms = set.effective_at.as_ref().map(at).transpose()?.unwrap_or(0);
        Ok(Some(Self { version, policy: text.clone(), effective_ms }))
    }
}

/// The ruling that counts at a time, if one does.
pub fn in_force(rulings: &[Ruling], wall_ms: u64) -> Option<&Ruling> {
    let come = rulings.iter().filter(|ruling| ruling.effective_ms <= wall_ms);
    come.max_by_key(|ruling| ruling.version)
}

impl Topology {
    /// The same tree under the policy of a ruling, unless the file's own is as new.
    ///
    /// # Errors
    /// The policy does not fit this tree; what is wrong with it, with the lines of its text.
    pub fn ruled(&self, ruling: &Ruling) -> Result<Self, String> {
        if self.policy_version() >= ruling.version {
            return Ok(self.clone());
        }
        // its tiers are this tree's, and nothing else of it matters
        let root = self.root();
        let tiers: Vec<String> = self.tiers().iter().map(|tier| format!("{tier:?}")).collect();
        let frame = format!(
            "{}\n[county]\nname = \"-\"\ntiers = [{}]\n[[station]]\ncode = \"{root}\"\nname = \"-\"\n",
            ruling.policy,
            tiers.join(", ")
        );
        let read = Self::read("policy", &frame).map_err(|problems| problems.to_string())?;
        Ok(self.under(read, ruling.version))
    }
}

#[cfg(test)]
mod tests {
    use yizhan_schemas::Kind;

    use super::*;

    const TREE: &str = r#"
[county]
name = "三台县"
tiers = ["county", "township"]
[[station]]
code = "510722"
name = "三台县"
[[station]]
code = "510722.101"
name = "潼川镇"
"#;

    fn ruling(version: u64, effective_ms: u64, policy: &str) -> Ruling {
        Ruling { version, policy: policy.to_owned(), effective_ms }
    }

    #[test]
    fn the_highest_version_whose_time_has_come_counts() {
        let all = [ruling(2, 50, ""), ruling(1, 0, ""), ruling(3, 100, "")];
        let version = |at| in_force(&all, at).map(|ruling| ruling.version);
        assert_eq!([version(0), version(50), version(100)], [Some(1), Some(2), Some(3)]);
        assert_eq!(in_force(&all[2..], 99), None);
    }

    #[test]
    fn a_ruling_changes_who_handles_what_and_a_newer_file_beats_it() {
        let file = Topology::read("tree.toml", TREE).unwrap();
        let rule = "[policy]\n[[policy.route]]\nkind = \"incident.*\"\nhandle_at = \"township\"\n";
        let ruled = file.ruled(&ruling(2, 0, rule)).unwrap();
        let town = yizhan_schemas::Code::parse("510722.101").unwrap();
        let handler = |tree: &Topology| {
            tree.decide(&Kind::parse("incident.report").unwrap(), None, &town).handle
        };
        assert_eq!(handler(&file).as_str(), "510722");
        assert_eq!((handler(&ruled), ruled.policy_version()), (town.clone(), 2));
        let newer = Topology::read("tree.toml", &format!("{TREE}[policy]\nversion = 2\n")).unwrap();
        assert_eq!(handler(&newer.ruled(&ruling(2, 0, rule)).unwrap()).as_str(), "510722");
    }

    #[test]
    fn a_policy_that_does_not_fit_is_told_with_its_line() {
        let file = Topology::read("tree.toml", TREE).unwrap();
        let rule = "[policy]\n[[policy.route]]\nkind = \"incident.*\"\nhandle_at = \"village\"\n";
        let why = file.ruled(&ruling(1, 0, rule)).unwrap_err();
        assert!(why.contains("policy:4") && why.contains("village"), "{why}");
        assert!(file.ruled(&ruling(1, 0, "[[station]]\ncode = \"1\"\n")).is_err());
    }

    #[test]
    fn a_message_about_rules_has_a_version_and_a_moment() {
        let set = |version, effective_at: Option<&str>| policy::Set {
            version,
            policy: Some("[policy]".to_owned()),
            effective_at: effective_at.map(str::to_owned),
            ..policy::Set::default()
        };
        let read = Ruling::read(&set(Some(3), Some("1970-01-01T08:00:01+08:00"))).unwrap();
        assert_eq!(read, Some(ruling(3, 1000, "[policy]")));
        assert!(Ruling::read(&set(None, None)).is_err());
        assert!(Ruling::read(&set(Some(1), Some("soon"))).is_err());
        assert_eq!(Ruling::read(&policy::Set::default()), Ok(None));
    }
}
