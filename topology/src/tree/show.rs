//! The tree for people: one line a station, and a summary of two lines.

use std::fmt;

use serde::Serialize;

use super::{Node, Topology};

/// Most columns of a line that [`show`] prints; a Chinese character takes two.
pub const COLUMNS_MAX: usize = 100;
/// Most columns of a name in it: a few long ones must not push every tier off the line.
const NAME_COLUMNS_MAX: usize = 40;

/// How many stations stand on which tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// All stations.
    pub stations: usize,
    /// Tier names with their stations, the root's first.
    pub tiers: Vec<(String, usize)>,
    /// Problems of the file; 0, since a file with problems gives no tree to sum up.
    pub problems: usize,
}

impl Summary {
    /// Counts the stations of a tree.
    pub fn of(topology: &Topology) -> Self {
        let root = topology.node(&topology.root);
        let counts = root.map(|node| node.per_depth).unwrap_or_default();
        let tiers = topology.tiers.iter().cloned().zip(counts).collect();
        Self { stations: topology.len(), tiers, problems: 0 }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let several = |n| if n == 1 { "" } else { "s" };
        let (stations, tiers, problems) = (self.stations, self.tiers.len(), self.problems);
        write!(f, "{stations} station{}, ", several(stations))?;
        write!(f, "{tiers} tier{}, ", several(tiers))?;
        writeln!(f, "{problems} problem{}", several(problems))?;
        for (n, (tier, count)) in self.tiers.iter().enumerate() {
            let comma = if n > 0 { ", " } else { "" };
            write!(f, "{comma}{tier} {count}")?;
        }
        Ok(())
    }
}

/// The tree as indented lines: code, name, tier, tags. With a greatest depth, a station whose
/// children are left out says how many stations are below it.
pub fn show(topology: &Topology, depth_max: Option<usize>) -> String {
    let mut rows = Vec::new();
    if let Some(root) = topology.node(&topology.root) {
        gather(topology, root, "", "", depth_max.unwrap_or(usize::MAX), &mut rows);
    }
    let widest = |cell: fn(&Row) -> &str| rows.iter().map(|row| columns(cell(row))).max();
    let (place, name) = (widest(|row| &row.place), widest(|row| &row.name));
    let (place, name) = (place.unwrap_or(0), name.unwrap_or(0));
    let tier = widest(|row| &row.tier).unwrap_or(0);
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in [(&row.place, place), (&row.name, name), (&row.tier, tier)] {
            line.push_str(cell);
            line.push_str(&" ".repeat(width.saturating_sub(columns(cell)) + 2));
        }
        line.push_str(&row.more);
        out.push_str(&cut(line.trim_end(), COLUMNS_MAX));
        out.push('\n');
    }
    out
}

struct Row {
    place: String,
    name: String,
    tier: String,
    more: String,
}

/// `branch` leads to this station, `trunk` to those below it.
fn gather(
    topology: &Topology,
    node: &Node,
    branch: &str,
    trunk: &str,
    depth_max: usize,
    rows: &mut Vec<Row>,
) {
    let shut = node.depth >= depth_max && !node.children.is_empty();
    let below = shut.then(|| format!("({} below)", node.below.len()));
    let tags =
        (!node.station.tags.is_empty()).then(|| format!("[{}]", node.station.tags.join(" ")));
    let more: Vec<String> = tags.into_iter().chain(below).collect();
    rows.push(Row {
        place: format!("{branch}{}", node.station.code),
        name: cut(&node.station.name, NAME_COLUMNS_MAX),
        tier: topology.tiers.get(node.depth).cloned().unwrap_or_default(),
        more: more.join(" "),
    });
    if shut {
        return;
    }
    let last = node.children.len().saturating_sub(1);
    let below = node.children.iter().filter_map(|code| topology.node(code));
    for (n, child) in below.enumerate() {
        let (bough, bark) = if n == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let (branch, trunk) = (format!("{trunk}{bough}"), format!("{trunk}{bark}"));
        gather(topology, child, &branch, &trunk, depth_max, rows);
    }
}

/// The text if it fits, or as much of it as leaves room for an ellipsis.
fn cut(text: &str, columns_max: usize) -> String {
    if columns(text) <= columns_max {
        return text.to_owned();
    }
    let mut left = columns_max - 1;
    let fits = |c: &char| {
        let taken = width(*c);
        let fits = taken <= left;
        left = if fits { left - taken } else { 0 };
        fits
    };
    let mut out: String = text.chars().take_while(fits).collect();
    out.push('…');
    out
}

fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// Columns of a character on a terminal: two for the blocks of East Asian scripts, else one. Good
/// enough for names of places, which hold no combining marks.
fn width(c: char) -> usize {
    let wide = matches!(c,
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}' | '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}');
    if wide { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = r#"
        county = { name = "三台县", tiers = ["county", "township", "village"] }
        station = [
          { code = "1", name = "三台县" },
          { code = "1.1", name = "潼川镇", tags = ["flood-prone", "dam"] },
          { code = "1.1.1", name = "老西街社区" },
          { code = "1.2", name = "𬭎镇" },
          { code = "1.2.1", name = "village" },
        ]"#;

    #[test]
    fn the_tree_shows_code_name_tier_and_tags_in_columns() {
        let tree = Topology::read("a.toml", TREE).unwrap();
        let lines = [
            "1            三台县      county",
            "├─ 1.1       潼川镇      township  [flood-prone dam]",
            "│  └─ 1.1.1  老西街社区  village",
            "└─ 1.2       𬭎镇        township",
            "   └─ 1.2.1  village     village",
        ];
        assert_eq!(show(&tree, None), lines.join("\n") + "\n");
    }

    #[test]
    fn what_a_greatest_depth_leaves_out_is_counted() {
        let tree = Topology::read("a.toml", TREE).unwrap();
        let lines = [
            "1       三台县  county",
            "├─ 1.1  潼川镇  township  [flood-prone dam] (1 below)",
            "└─ 1.2  𬭎镇    township  (1 below)",
        ];
        assert_eq!(show(&tree, Some(1)), lines.join("\n") + "\n");
        assert_eq!(show(&tree, Some(0)), "1  三台县  county  (4 below)\n");
    }

    #[test]
    fn no_line_is_wider_than_a_hundred_columns_and_long_names_are_cut() {
        let tags = "x".repeat(60);
        let tree = TREE.replace("老西街社区", &"街".repeat(60)).replace("flood-prone", &tags);
        let shown = show(&Topology::read("a.toml", &tree).unwrap(), None);
        let widths: Vec<usize> = shown.lines().map(columns).collect();
        assert!(widths.iter().all(|width| *width <= COLUMNS_MAX), "{shown}");
        assert!(shown.contains(&format!(" {}…  village\n", "街".repeat(19))), "{shown}");
        assert!(shown.contains("xx…\n"), "{shown}");
    }

    #[test]
    fn the_summary_counts_stations_tiers_and_problems() {
        let summary = Summary::of(&Topology::read("a.toml", TREE).unwrap());
        assert_eq!(
            summary.to_string(),
            "5 stations, 3 tiers, 0 problems\ncounty 1, township 2, village 2"
        );
    }
}
