//! Route: which legs a message gets at a station. The only place that knows up from down.

use yizhan_schemas::selector::Target;
use yizhan_schemas::{Code, Header, Selector};
use yizhan_topology::Topology;

use crate::link::Link;

/// The links that a message is owed to here. `via` is the link that it came by; it never goes
/// back there, and what came from above never goes up again.
pub fn links(topology: &Topology, here: &Code, header: &Header, via: Option<&Link>) -> Vec<Link> {
    let wanted = Wanted { main: header.handled_by(), notify: header.notify.as_ref() };
    let mut links = Vec::new();
    if wanted.any(|selector| topology.selects(selector, here)) {
        links.push(if header.kind.is_for_adapter() { Link::Adapter } else { Link::Inbox });
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
        Target::UpTo(code) | Target::One(code) => !here.is_above(code),
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
