//! [`Row`]: what came of an attack; the table and the JSON of many.

use serde::Serialize;

/// Longest name of an attack, characters.
pub const NAME_WIDTH: usize = 41;
/// Longest words for what refused it.
pub const REFUSED_WIDTH: usize = 27;

/// What came of one attack.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What was tried.
    pub attack: String,
    /// What refused it; none if nothing did.
    pub refused_by: Option<String>,
    /// The counter that must show it.
    pub metric_name: String,
    /// Whether it does; none where nothing can be counted.
    pub metric: Option<bool>,
    /// Whether a line of the audit log does.
    pub audit: Option<bool>,
    /// Whether all reports of others came through, once.
    pub others: bool,
    /// What is wrong, if something is.
    pub faults: Vec<String>,
}

impl Row {
    /// True if nothing is wrong.
    pub fn withstood(&self) -> bool {
        self.refused_by.is_some()
            && self.metric != Some(false)
            && self.audit != Some(false)
            && self.others
            && self.faults.is_empty()
    }

    fn line(&self) -> String {
        let word = |so: Option<bool>| so.map_or("-", |so| if so { "yes" } else { "NO" });
        let outcome = if self.withstood() { "withstood" } else { "FAILED" };
        format!(
            "{:<NAME_WIDTH$} {:<REFUSED_WIDTH$} {:<6} {:<5} {:<6} {outcome}",
            self.attack,
            self.refused_by.as_deref().unwrap_or("-"),
            word(self.metric),
            word(self.audit),
            word(Some(self.others)),
        )
    }
}

/// The rows for people, at most 100 columns wide, and what is wrong below.
pub fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<NAME_WIDTH$} {:<REFUSED_WIDTH$} {:<6} {:<5} {:<6} outcome\n",
        "attack", "refused by", "metric", "audit", "others"
    );
    for row in rows {
        text += &row.line();
        text.push('\n');
    }
    for row in rows.iter().filter(|row| !row.withstood()) {
        text += &format!("\n{} ({}):\n", row.attack, row.metric_name);
        for fault in &row.faults {
            text += &format!("  {fault}\n");
        }
    }
    let failed = rows.iter().filter(|row| !row.withstood()).count();
    text + &format!("\n{} attacks, {} withstood, {failed} not\n", rows.len(), rows.len() - failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Row {
        Row {
            attack: "x".repeat(NAME_WIDTH),
            refused_by: Some("x".repeat(REFUSED_WIDTH)),
            metric_name: "m".to_owned(),
            metric: Some(true),
            audit: Some(true),
            others: true,
            faults: vec![],
        }
    }

    #[test]
    fn whatever_is_missing_of_a_row_it_has_not_been_withstood_and_the_table_says_so() {
        assert!(good().withstood());
        let fault = vec!["it got in".to_owned()];
        let bad = [
            Row { refused_by: None, ..good() },
            Row { metric: Some(false), ..good() },
            Row { audit: Some(false), ..good() },
            Row { others: false, ..good() },
            Row { faults: fault, ..good() },
        ];
        for row in bad {
            assert!(!row.withstood(), "{row:?}");
            assert!(table(&[row]).contains("FAILED"));
        }
    }

    #[test]
    fn the_table_fits_a_hundred_columns() {
        let wide = [good(), Row { metric: Some(false), audit: None, others: false, ..good() }];
        let table = table(&wide);
        assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
        assert!(table.ends_with("2 attacks, 1 withstood, 1 not\n"), "{table}");
    }
}
