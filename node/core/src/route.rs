//! Route: which legs a message gets at a station. The only place that knows up from down.

use yizhan_schemas::selector::Target;
use yizhan_schemas::{Code, Header, Selector};
use yizhan_topology::Topology;

use crate::link::Link;

/// The links that a message is owed to here. `via` is the link that it came by; it never goes
/// back there, and what came from above never goes up again. `end` is where it goes if it is for
/// this station: the inbox, or the adapter.
pub fn links(
    topology: &Topology,
    here: &Code,
    header: &Header,
    via: Option<&Link>,
    end: Link,
) -> Vec<Link> {
    let wanted = Wanted { main: header.handled_by(), notify: header.notify.as_ref() };
    let mut links = Vec::new();
    if wanted.any(|selector| topology.selects(selector, here)) {
        links.push(end);
    }
    let from_above = via == Some(&Link::Up);
    if !from_above
        && topology.parent(here).is_some()
        && wanted.any(|selector| topology.leaves(selector, here))
    {
        links.push(Link::Up);
    }
    // one test spares the loop over thirty children for every report on its way up
    if wanted.any(|selector| reaches_below(topology, selector, here)) {
        let below = topology.children(here).iter();
        let reached = below.filter(|child| wanted.any(|s| topology.reaches(s, child)));
        let links_down = reached.map(|child| Link::Down(child.clone()));
        links.extend(links_down.filter(|link| Some(link) != via));
    }
    links
}

fn reaches_below(topology: &Topology, selector: &Selector, here: &Code) -> bool {
    let only_above = selector.targets().iter().all(|target| match target {
        Target::Up => true,
        Target::UpTo(code)
        | Target::One(code)
        | Target::Role(_, code)
        | Target::Worker(_, code) => !here.is_above(code),
        _ => false,
    });
    !only_above && topology.reaches(selector, here)
}

struct Wanted<'a> {
    main: &'a Selector,
    notify: Option<&'a Selector>,
}

impl Wanted<'_> {
    fn any(&self, test: impl Fn(&Selector) -> bool) -> bool {
        test(self.main) || self.notify.is_some_and(test)
    }
}

#[cfg(test)]
mod tests {
    use yizhan_schemas::{Epoch, Kind, Lane, MessageId};

    use super::*;

    const TREE: &str = r#"
[county]
name = "三台县"
tiers = ["county", "township", "village"]
[[station]]
code = "510722"
name = "三台县"
[[station]]
code = "510722.101"
name = "潼川镇"
[[station]]
code = "510722.101.002"
name = "老西街社区"
[[station]]
code = "510722.102"
name = "芦溪镇"
[[station]]
code = "510722.102.001"
name = "下街社区"
"#;

    /// The links, in words, of a message at `here` that came by `via`.
    fn words(here: &str, kind: &str, to: &str, notify: Option<&str>, via: Option<&str>) -> String {
        let topology = Topology::read("tree.toml", TREE).unwrap();
        let code = |text: &str| Code::parse(text).unwrap();
        let header = Header {
            notify: notify.map(|notify| Selector::parse(notify).unwrap()),
            ..Header::plain(
                MessageId {
                    origin: code("510722"),
                    epoch: Epoch::from_random(1),
                    lane: Lane::Routine,
                    sequence: 1,
                },
                Kind::parse(kind).unwrap(),
                Selector::parse(to).unwrap(),
                0,
            )
        };
        let via = via.map(|via| if via == "up" { Link::Up } else { Link::Down(code(via)) });
        let end = if header.kind.is_for_adapter() { Link::Adapter } else { Link::Inbox };
        let links = links(&topology, &code(here), &header, via.as_ref(), end);
        links.iter().map(Link::word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_message_gets_a_leg_for_each_side_on_which_somebody_is_to_have_it() {
        let (town, other) = ("510722.101", "510722.102");
        for (here, to, via, expected) in [
            // from here
            (town, "510722.101", None, "inbox"),
            (town, "510722", None, "up"),
            (town, "up:510722", None, "up"),
            (town, "510722.101.002", None, "510722.101.002"),
            (town, "510722.>", None, "inbox up 510722.101.002"),
            (town, "510722.101.>", None, "inbox 510722.101.002"),
            (town, "510722.*", None, "inbox up"),
            ("510722", "510722.>", None, "inbox 510722.101 510722.102"),
            ("510722", "510722.102.001", None, "510722.102"),
            ("510722", "tier:village@510722", None, "510722.101 510722.102"),
            ("510722", "510722.101,510722.102.>", None, "510722.101 510722.102"),
            // from above: it never goes up again
            (town, "510722.>", Some("up"), "inbox 510722.101.002"),
            (town, "510722", Some("up"), ""),
            // from below: it does not go back
            (town, "510722.>", Some("510722.101.002"), "inbox up"),
            ("510722", "510722.>", Some(town), "inbox 510722.102"),
            ("510722", "510722.101.002", Some(other), "510722.101"),
            ("510722", "510722.101.002", Some(town), ""),
        ] {
            let words = words(here, "directive.issue", to, None, via);
            assert_eq!(words, expected, "to {to} at {here}, via {via:?}");
        }
    }

    #[test]
    fn who_gets_a_copy_counts_like_whom_it_is_for() {
        let notify = |to, notify| words("510722.101", "incident.report", to, Some(notify), None);
        assert_eq!(notify("510722", "510722.101"), "inbox up");
        assert_eq!(notify("510722.101", "510722"), "inbox up");
        assert_eq!(notify("510722", "510722.101.002"), "up 510722.101.002");
    }

    #[test]
    fn a_command_goes_to_the_adapter_where_it_is_for_and_to_no_inbox() {
        let video = |to| words("510722.101", "video.dispatch", to, None, Some("up"));
        assert_eq!(video("510722.101"), "adapter");
        assert_eq!(video("510722.101.>"), "adapter 510722.101.002");
    }
}
