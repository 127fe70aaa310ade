//! A topology file made from a list of division codes and names.
//!
//! Promise: what comes out reads as a topology without problems; what cannot come out is reported
//! with the lines of the list. Names keep every character, the rare ones of place names too.
//!
//! The list is CSV with a header. Its columns `code`, `name` and `tier` are used, in any order;
//! others are ignored. A code is statistical (6, 9 or 12 digits, upper tiers padded with zeros or
//! not), cut 6-3-3 into tokens, or is a station code with dots already.

mod list;

use std::collections::BTreeMap;

use crate::check;
use crate::file::{Draft, write};
use crate::policy::Policy;
use crate::problem::{At, Problems, Report, invisible};
use crate::tree::Station;
pub use list::line;
use list::{Row, rows};

/// What the list itself does not say.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The county's name; that of the root, if absent.
    pub county: Option<String>,
}

/// Makes the text of a topology file; `file_name` is only repeated in problems and in the first
/// line, without its folders. Tiers are named by the `tier` column, in the order of depth.
pub fn from_csv(file_name: &str, csv_text: &str, options: &Options) -> Result<String, Problems> {
    let mut report = Report::on(file_name);
    let rows = rows(csv_text, &mut report);
    let draft = Draft {
        name: county(&rows, options, &mut report),
        tiers: tiers(&rows, &mut report),
        empty: rows.is_empty() && report.is_clean(),
        stations: rows.into_iter().map(station).collect(),
        keys: Vec::new(),
        applications: Vec::new(),
        revoked: Vec::new(),
        policy: Policy::plain(),
    };
    let topology = check::tree::grow(draft, &mut report);
    let topology = report.settle(topology)?;
    let source = file_name.rsplit(['/', '\\']).next().unwrap_or(file_name).replace(invisible, "");
    let head = format!("# Made from {source} by `yizhan topology import`; yours to change.\n");
    Ok(head + &write(&topology))
}

/// The tiers by depth, as the first station at each depth names them; `None` if a depth has no
/// name, which is a problem of the codes or cells and reported as such.
fn tiers(rows: &[At<Row>], report: &mut Report) -> Option<Vec<String>> {
    let top = rows.iter().map(|row| row.it.code.tokens()).min().unwrap_or(0);
    let mut by_depth: BTreeMap<usize, &At<Row>> = BTreeMap::new();
    let mut depths: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        let Some(tier) = &row.it.tier else { continue };
        let depth = row.it.code.tokens() - top;
        let first = by_depth.entry(depth).or_insert(row);
        let first_tier = first.it.tier.as_deref().unwrap_or_default();
        let first_depth = *depths.entry(tier).or_insert(depth);
        if first_tier != tier {
            let what = format!(
                "{} is a {tier}, but {} (line {}) of as many tokens is a {first_tier}",
                row.it.code, first.it.code, first.line
            );
            report.add(row.line, what, "valid is one tier for all codes of a length");
        } else if first_depth != depth {
            let what = format!("tier {tier} stands at depths {first_depth} and {depth}");
            report.add(row.line, what, "valid is a name of its own for the tier at each depth");
        }
    }
    let whole = by_depth.keys().copied().eq(0..by_depth.len());
    whole.then(|| by_depth.into_values().filter_map(|row| row.it.tier.clone()).collect())
}

fn county(rows: &[At<Row>], options: &Options, report: &mut Report) -> String {
    let Some(name) = &options.county else {
        let top = rows.iter().min_by_key(|row| row.it.code.tokens());
        return top.map(|row| row.it.name.clone()).unwrap_or_default();
    };
    if let Err(fault) = check::name(name) {
        report.add(1, format!("the county's name: {}", fault.what), fault.valid);
    }
    name.clone()
}

fn station(At { line, it: Row { code, name, .. } }: At<Row>) -> At<Station> {
    let (bus, http, keys, tags, formerly) = (None, None, Vec::new(), Vec::new(), Vec::new());
    At { line, it: Station { code, name, bus, http, keys, tags, formerly } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Topology;

    fn import(csv_text: &str) -> Result<String, String> {
        from_csv("lists/a.csv", csv_text, &Options::default()).map_err(|fault| fault.to_string())
    }

    #[test]
    fn statistical_codes_are_cut_into_tokens_padded_or_not() {
        let padded = "code,name,tier\n510722000000,三台县,county\n510722101000,潼川镇,township\n\
                      510722101002,老西街社区,village\n";
        let wanted = "# Made from a.csv by `yizhan topology import`; yours to change.\n[county]\n\
                      name = \"三台县\"\ntiers = [\"county\", \"township\", \"village\"]\n\n\
                      [[station]]\ncode = \"510722\"\nname = \"三台县\"\n\n\
                      [[station]]\ncode = \"510722.101\"\nname = \"潼川镇\"\n\n\
                      [[station]]\ncode = \"510722.101.002\"\nname = \"老西街社区\"\n";
        assert_eq!(import(padded).unwrap(), wanted);
        let plain = padded.replace("510722000000", "510722").replace("510722101000", "510722101");
        assert_eq!(import(&plain).unwrap(), wanted);
        let dots = plain.replace("510722101002", "510722.101.002").replace("2101,", "2.101,");
        assert_eq!(import(&dots).unwrap(), wanted);
    }

    #[test]
    fn other_columns_any_order_a_byte_order_mark_and_spaces_do_no_harm() {
        let text = "\u{feff}Tier,parent,NAME,code\r\ncounty,, 三台县 ,510722\r\n";
        let made = import(text).unwrap();
        let tree = Topology::read("a.toml", &made).unwrap();
        assert_eq!((tree.name(), tree.tiers()), ("三台县", &["county".to_owned()][..]));
    }

    #[test]
    fn rare_characters_and_quotes_in_names_survive() {
        for name in ["𬭎𠅤村", "㑇𬒈社区", "O'Neill \"Ó\" \\ 村", "'''", "村🏮"] {
            let cell = name.replace('"', "\"\"");
            let made = import(&format!("code,name,tier\n1.1,\"{cell}\",township\n")).unwrap();
            let tree = Topology::read("a.toml", &made).unwrap();
            assert_eq!(tree.stations().next().unwrap().name, name);
            assert_eq!(tree.name(), name);
        }
    }

    #[test]
    fn the_county_may_have_a_name_of_its_own() {
        let options = Options { county: Some("三台".to_owned()) };
        let made = from_csv("a.csv", "code,name,tier\n1.1,县,county\n", &options).unwrap();
        assert_eq!(Topology::read("a.toml", &made).unwrap().name(), "三台");
        let options = Options { county: Some("\n".to_owned()) };
        let problems = from_csv("a.csv", "code,name,tier\n1.1,县,county\n", &options);
        assert!(problems.unwrap_err().to_string().starts_with("a.csv:1: the county's name: "));
    }

    #[test]
    fn every_problem_of_a_list_comes_with_its_line() {
        let text = "code,name,tier\r\n510722,三台县,county\r\n\r\n51072,五位,township\r\n\
                    510722101,,township\n510722104,塔山镇,county\n510722106\n\n\n\
                    5.10722E+11,科学,village\n510722108,\"两\n行\",township\n\
                    510722107,石安镇,township\n510722109201,村,village\n510722107,再,township\n\
                    510722107201,村,township\n";
        let wanted = [
            "4: `code`: `51072` has 5 digits; valid are 6, 9 or 12 digits, or a code with dots",
            "5: `name`: the name is empty; valid is 1 to 100 visible characters",
            "6: 510722.104 is a county, but 510722.101 (line 5) of as many tokens is a township; \
             valid is one tier for all codes of a length",
            "7: this line has no `name`; valid are as many cells as the header has",
            "7: this line has no `tier`; valid are as many cells as the header has",
            "10: `code`: `5.10722E+11` is not a code: a token has a character other than letters, \
             digits, `_` and `-`; valid is 1 to 8 tokens of letters, digits, `_` or `-` joined by \
             dots, as in 510722.101.002",
            "11: `name`: the name `两\\u{a}行` has a control character; valid is 1 to 100 visible \
             characters",
            "14: station 510722.109.201 has no parent: 510722.109 is not in the file; add station \
             510722.109 or correct the code",
            "15: station 510722.107 is there already; remove it here or on line 13",
            "16: 510722.107.201 is a township, but 510722.109.201 (line 14) of as many tokens is a \
             village; valid is one tier for all codes of a length",
        ];
        let wanted: Vec<String> = wanted.iter().map(|line| format!("lists/a.csv:{line}")).collect();
        assert_eq!(import(text).unwrap_err().lines().collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn a_list_without_header_or_stations_is_refused() {
        let missing = |column| {
            format!(
                "lists/a.csv:1: the header has no column `{column}`; valid is a first line such as \
                 code,name,tier"
            )
        };
        let none = [missing("code"), missing("name"), missing("tier")].join("\n");
        assert_eq!(import("").unwrap_err(), none);
        assert_eq!(import("510722,三台县,county\n").unwrap_err(), none);
        let empty = "lists/a.csv:1: there are no stations, so the tree has no root; add a station \
                     for the root, with code and name";
        assert_eq!(import("code,name,tier\n").unwrap_err(), empty);
        let gap = import("code,name,tier\n1.1,a,county\n1.1.1.1,b,village\n").unwrap_err();
        assert!(gap.ends_with("add station 1.1.1 or correct the code"), "{gap}");
        assert_eq!(gap.lines().count(), 1);
    }
}
