//! The topology file: TOML in, a checked [`Topology`] or all its problems out.
//!
//! Promise: reading never stops at the first problem. A value that cannot be read is reported and
//! left out, and whatever does not depend on it is still checked. Only text that is not TOML at
//! all is reported alone, since nothing after a broken line can be trusted.

mod category;
mod keys;
mod page;
mod people;
mod policy;
mod revoke;
mod round;
mod section;
mod value;
mod write;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use yizhan_schemas::Code;
use yizhan_schemas::code::TOKENS_MAX;

use crate::application::{Application, Revoked};
use crate::check;
use crate::policy::Policy;
use crate::problem::{At, Problems};
use crate::tree::{Station, Topology};

pub use keys::{with_keys, without_old_keys};
use page::Page;
pub use revoke::with_revoked;
use section::{Entry, Section};
pub(crate) use write::write;

/// A tree as written down, its values checked one by one but not against each other.
pub(crate) struct Draft {
    pub(crate) name: String,
    /// `None` if they could not be read: what depends on them is then left unchecked.
    pub(crate) tiers: Option<Vec<String>>,
    /// Those whose code could be read.
    pub(crate) stations: Vec<At<Station>>,
    /// True if no station was written down at all, not even one that could not be read.
    pub(crate) empty: bool,
    /// The keys of all stations, in the order of the file.
    pub(crate) keys: Vec<At<Key>>,
    /// Those whose station and name could be read.
    pub(crate) applications: Vec<At<Application>>,
    pub(crate) revoked: Vec<At<Revoked>>,
    pub(crate) policy: Policy,
}

/// A public key and whose it is.
pub(crate) struct Key {
    /// As in `station 510722.101`.
    pub(crate) owner: String,
    pub(crate) text: String,
}

const TOP: &[Entry] = &[
    Entry::needed("county", "[county] with name = \"三台县\" and its tiers"),
    Entry::optional("station", "[[station]], one for each station"),
    Entry::optional("application", "[[application]], one for each program with a key of its own"),
    Entry::optional("revoked", "[[revoked]], one for each key that is not believed any more"),
    Entry::optional("policy", "[policy], with [[policy.route]] and [[policy.ladder]] below it"),
];

const COUNTY: &[Entry] = &[
    Entry::needed("name", "name = \"三台县\""),
    Entry::needed(
        "tiers",
        "tiers = [\"county\", \"township\", \"village\"], the root's tier first",
    ),
];

const STATION: &[Entry] = &[
    Entry::needed("code", "code = \"510722.101\""),
    Entry::needed("name", "name = \"潼川镇综治中心\""),
    Entry::optional("bus", "bus = \"nats://10.72.0.1:4222\""),
    Entry::optional("http", "http = \"10.72.0.1:8080\""),
    Entry::optional("key", "key = [\"U…\"], public user keys, the current one first"),
    Entry::optional("tags", "tags = [\"flood-prone\"]"),
    Entry::optional("formerly", "formerly = [\"510722.140.003\"], codes that it had before"),
];

impl Topology {
    /// Reads a topology file; `file_name` is only repeated in problems.
    pub fn read(file_name: &str, text: &str) -> Result<Self, Problems> {
        let mut page = Page::open(file_name, text);
        let (document, faults) = DeTable::parse_recoverable(text);
        if !faults.is_empty() {
            page.not_toml(text, &faults);
            return page.report.settle(None);
        }
        let draft = draft(&mut page, document.get_ref());
        let topology = check::tree::grow(draft, &mut page.report);
        page.report.settle(topology)
    }
}

fn draft<'t>(page: &mut Page, document: &'t DeTable<'t>) -> Draft {
    let top = Section::new(page, "the file", TOP, 1, document);
    let county = top.table(page, "county", "[county]", COUNTY);
    let name = county.as_ref().and_then(|county| county.text(page, "name", check::name));
    let tiers = county.as_ref().and_then(|county| tiers(page, county));
    let sections = top.tables(page, "station", usize::MAX, "[[station]]", STATION);
    let mut keys = Vec::new();
    let stations = sections.iter().filter_map(|section| station(page, section, &mut keys));
    let stations = stations.collect();
    let title = "[[application]]";
    let sections =
        top.tables(page, "application", check::APPLICATIONS_MAX, title, people::APPLICATION);
    let applications =
        sections.iter().filter_map(|section| people::application(page, section, &mut keys));
    let applications = applications.collect();
    let sections =
        top.tables(page, "revoked", check::APPLICATIONS_MAX, "[[revoked]]", people::REVOKED);
    let revoked = sections.iter().filter_map(|section| people::revoked(page, section)).collect();
    let policy = policy::read(page, &top, tiers.as_deref());
    let name = name.map(|name| name.it).unwrap_or_default();
    let none =
        |value: &Spanned<DeValue>| value.get_ref().as_array().is_some_and(|list| list.is_empty());
    let empty = top.value("station").is_none_or(none);
    Draft { name, tiers, stations, empty, keys, applications, revoked, policy }
}

fn tiers(page: &mut Page, county: &Section) -> Option<Vec<String>> {
    let tiers = county.texts(page, "tiers", TOKENS_MAX, check::tier)?;
    if tiers.is_empty() {
        let valid = "valid is one name a depth, as in [\"county\", \"township\", \"village\"]";
        county.fault(page, Some("tiers"), "has an empty list of `tiers`", valid);
        return None;
    }
    Some(tiers.into_iter().map(|tier| tier.it).collect())
}

fn station(page: &mut Page, section: &Section, ring: &mut Vec<At<Key>>) -> Option<At<Station>> {
    let name = section.text(page, "name", check::name);
    let bus = section.text(page, "bus", check::bus);
    let http = section.text(page, "http", check::http);
    let keys = section.texts(page, "key", check::KEYS_MAX, check::key).unwrap_or_default();
    let tags = section.texts(page, "tags", check::TAGS_MAX, check::tag).unwrap_or_default();
    let formerly = section.texts(page, "formerly", check::FORMERLY_MAX, check::code);
    let code = section.text(page, "code", check::code).or_else(|| unquoted(page, section))?;
    for At { line, it: text } in &keys {
        let key = Key { owner: format!("station {}", code.it), text: text.clone() };
        ring.push(At { line: *line, it: key });
    }
    let all = |list: Vec<At<String>>| list.into_iter().map(|one| one.it).collect();
    let station = Station {
        code: code.it,
        name: name.map(|name| name.it).unwrap_or_default(),
        bus: bus.map(|bus| bus.it),
        http: http.map(|http| http.it),
        keys: all(keys),
        tags: all(tags),
        formerly: formerly.unwrap_or_default().into_iter().map(|one| one.it).collect(),
    };
    Some(At { line: code.line, it: station })
}

/// A code written as a number: reported already, but its meaning is plain, and without it every
/// station below would be reported as an orphan too.
fn unquoted(page: &Page, section: &Section) -> Option<At<Code>> {
    let value = section.value("code")?;
    let digits = match value.get_ref() {
        DeValue::Integer(number) => number.as_str(),
        DeValue::Float(number) => number.as_str(),
        _ => return None,
    };
    Some(At { line: page.line(&value.span()), it: Code::parse(digits).ok()? })
}
