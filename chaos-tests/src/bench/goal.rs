//! [`Row`]: a figure beside its goal, and whether it is reached.

use std::fmt;

use serde::Serialize;

/// What a figure must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// At least so many times the peer's.
    TimesAtLeast(f64),
    /// At most so many times the peer's.
    TimesAtMost(f64),
    /// At most this.
    AtMost(f64),
    /// Only shown.
    Shown,
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::TimesAtLeast(times) => format!(">= {times} x"),
            Self::TimesAtMost(times) => format!("<= {times} x"),
            Self::AtMost(most) => format!("<= {most}"),
            Self::Shown => "(shown)".to_owned(),
        };
        f.pad(&text)
    }
}

/// A line of the summary.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What was measured, its unit, and what the peer's figure is.
    pub row: String,
    /// Our figure; none if it did not come about.
    pub ours: Option<f64>,
    /// What it stands beside.
    pub peer: Option<f64>,
    /// Ours to the peer's.
    pub ratio: Option<f64>,
    /// What it must be.
    pub goal: String,
    /// Whether it is.
    pub ok: bool,
}

impl Row {
    /// Judges a figure. One that did not come about is not good enough, whatever the goal.
    pub fn judged(
        row: impl Into<String>,
        ours: Option<f64>,
        peer: Option<f64>,
        goal: Goal,
    ) -> Self {
        let ratio =
            ours.zip(peer).map(|(ours, peer)| ours / peer).filter(|ratio| ratio.is_finite());
        let ok = match goal {
            Goal::TimesAtLeast(least) => ratio.is_some_and(|ratio| ratio >= least),
            Goal::TimesAtMost(most) => ratio.is_some_and(|ratio| ratio <= most),
            Goal::AtMost(most) => ours.is_some_and(|ours| ours <= most),
            Goal::Shown => ours.is_some(),
        };
        Self { row: row.into(), ours, peer, ratio, goal: goal.to_string(), ok }
    }
}

/// True if every row is reached.
pub fn all_ok(rows: &[Row]) -> bool {
    rows.iter().all(|row| row.ok)
}

/// The rows for people, at most 100 columns wide.
pub fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<61} {:>7} {:>7} {:>5} {:>9} {:>3}\n",
        "", "ours", "peer", "ratio", "goal", "ok"
    );
    for row in rows {
        let ok = if row.ok { "yes" } else { "NO" };
        text += &format!(
            "{:<61} {:>7} {:>7} {:>5} {:>9} {ok:>3}\n",
            row.row,
            short(row.ours),
            short(row.peer),
            short(row.ratio),
            row.goal
        );
    }
    text
}

/// Three digits that matter.
pub(super) fn short(figure: Option<f64>) -> String {
    match figure {
        None => "-".to_owned(),
        Some(figure) if figure.abs() >= 100.0 => format!("{figure:.0}"),
        Some(figure) if figure.abs() >= 10.0 => format!("{figure:.1}"),
        Some(0.0) => "0".to_owned(),
        Some(figure) if figure.abs() >= 0.1 => format!("{figure:.2}"),
        Some(figure) => format!("{figure:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_misses_its_goal_is_not_ok_and_then_not_all_are() {
        let judged = |ours, peer, goal| Row::judged("a", ours, peer, goal).ok;
        let (one, two) = (Some(1.0), Some(2.0));
        assert!(judged(two, one, Goal::TimesAtLeast(2.0)));
        assert!(!judged(one, two, Goal::TimesAtLeast(1.2)));
        assert!(judged(two, two, Goal::TimesAtMost(1.0)));
        assert!(!judged(two, one, Goal::TimesAtMost(1.5)));
        assert!(judged(one, None, Goal::AtMost(1.0)));
        assert!(!judged(two, None, Goal::AtMost(1.0)));
        assert!(judged(two, None, Goal::Shown));
        let good = Row::judged("good", one, None, Goal::AtMost(1.0));
        let bad = Row::judged("bad", two, None, Goal::AtMost(1.0));
        assert!(all_ok(std::slice::from_ref(&good)));
        assert!(!all_ok(&[good, bad]));
    }

    #[test]
    fn what_did_not_come_about_is_never_good_enough() {
        let goals =
            [Goal::TimesAtLeast(0.0), Goal::TimesAtMost(9.0), Goal::AtMost(9.0), Goal::Shown];
        for goal in goals {
            assert!(!Row::judged("a", None, Some(1.0), goal).ok);
        }
        assert!(!Row::judged("a", Some(1.0), None, Goal::TimesAtLeast(0.0)).ok);
        assert!(!Row::judged("a", Some(1.0), Some(0.0), Goal::TimesAtLeast(0.0)).ok);
    }

    #[test]
    fn the_table_fits_a_hundred_columns_and_says_what_is_not_reached() {
        let row = "x".repeat(61);
        let rows = [
            Row::judged(row.clone(), Some(123_456.7), Some(5_000.1), Goal::TimesAtLeast(20.0)),
            Row::judged(row, None, None, Goal::AtMost(0.28)),
        ];
        let table = table(&rows);
        assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
        assert!(table.lines().next_back().unwrap().ends_with("NO"));
        assert!(table.contains("123457") && table.contains("24.7"));
    }
}
