//! [`Addressees`]: who at this station a message is for, as the roster in force says.

use yizhan_schemas::selector::Target;
use yizhan_schemas::{Code, Selector};

use crate::roster::{InForce, Roster};

/// The posts and workers of this station that a message names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Addressees {
    /// Ids of those whom the roster knows.
    found: Vec<String>,
    /// What to say of those whom it does not.
    missing: Vec<String>,
    /// True if there is a roster at all.
    listed: bool,
}

impl Addressees {
    pub(super) fn of(to: &Selector, here: &Code, roster: &InForce) -> Self {
        let mut named =
            to.targets().iter().filter(|it| it.is_somebody() && it.code() == Some(here));
        // nearly every message is for the station as such
        let Some(first) = named.next() else { return Self::default() };
        let roster = roster.now();
        let mut addressees = Self { listed: roster.is_some(), ..Self::default() };
        std::iter::once(first).chain(named).for_each(|it| addressees.add(it, roster.as_deref()));
        addressees
    }

    fn add(&mut self, target: &Target, roster: Option<&Roster>) {
        match (roster.and_then(|roster| roster.find(target)), target) {
            (Some(person), _) => self.found.push(person.id.to_string()),
            (None, Target::Worker(id, _)) => self.missing.push(format!("worker not listed: {id}")),
            (None, Target::Role(post, _)) => self.missing.push(format!("post vacant: {post}")),
            (None, _) => {}
        }
    }

    pub(super) fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let found = (!self.found.is_empty()).then(|| ("Yz-Addressee", self.found.join(",")));
        let vacant = self.listed && !self.missing.is_empty();
        found.into_iter().chain(vacant.then(|| ("Yz-Vacant", "1".to_owned())))
    }

    /// What the origin is to hear.
    pub(super) fn remark(&self) -> Option<String> {
        match (self.missing.is_empty(), self.listed) {
            (true, _) => None,
            (false, true) => Some(self.missing.join(", ")),
            (false, false) => Some("no roster here: who is meant is not known".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roster::Shelf;

    fn of(to: &str, roster: &InForce) -> (Vec<(&'static str, String)>, Option<String>) {
        let here = Code::parse("510722.101.002").unwrap();
        let addressees = Addressees::of(&Selector::parse(to).unwrap(), &here, roster);
        (addressees.headers().collect(), addressees.remark())
    }

    #[test]
    fn who_is_meant_is_named_and_who_is_not_there_is_told_to_the_origin() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("roster.toml");
        let text = "[[post]]\nrole='综治委员'\nholder='zw-1'\nname='张三'\n[[post]]\nrole='调解员'\n\
            [[worker]]\nid='gw-7'\nname='李四'\n";
        std::fs::write(&file, text).unwrap();
        let roster = Shelf::open(Some(file), 9).unwrap().in_force();
        let addressee = |ids: &str| ("Yz-Addressee", ids.to_owned());
        let vacant = ("Yz-Vacant", "1".to_owned());
        for (to, headers, remark) in [
            ("510722.>", vec![], None),
            ("role:调解员@510722.101.003", vec![], None),
            ("role:综治委员@510722.101.002", vec![addressee("zw-1")], None),
            (
                "role:综治委员@510722.101.002,worker:gw-7@510722.101.002",
                vec![addressee("zw-1,gw-7")],
                None,
            ),
            ("role:调解员@510722.101.002", vec![vacant.clone()], Some("post vacant: 调解员")),
            (
                "worker:gw-7@510722.101.002,worker:gw-8@510722.101.002",
                vec![addressee("gw-7"), vacant],
                Some("worker not listed: gw-8"),
            ),
        ] {
            assert_eq!(of(to, &roster), (headers, remark.map(str::to_owned)), "{to}");
        }
        let (headers, remark) = of("role:调解员@510722.101.002", &InForce::default());
        assert!(headers.is_empty() && remark.unwrap().contains("no roster"), "nobody knows here");
    }
}
