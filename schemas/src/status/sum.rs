//! [`Sum`]: what became of a message at all its targets, in numbers: `delivered 455/462`.

use serde::{Deserialize, Serialize};

use super::MessageStatus;
use crate::{Answer, Code, Outcome};

/// Most stations that are named as missing.
pub const MISSING_MAX: usize = 100;

/// How many of the targets are how far. The denominator is fixed when the message is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// All of them.
    pub targets: usize,
    /// It is in their inbox, or was carried out there.
    pub delivered: usize,
    /// Somebody has read it, or more.
    pub acknowledged: usize,
    /// It has been done.
    pub completed: usize,
    /// Those that it has not reached, at most [`MISSING_MAX`].
    pub missing: Vec<Code>,
}

impl MessageStatus {
    /// The sum over its targets.
    pub fn sum(&self) -> Sum {
        let mut sum = Sum { targets: self.targets.len(), ..Sum::default() };
        for target in &self.targets {
            let said = |answer: Answer| target.answer.as_deref() == Some(answer.word());
            let delivered = target.outcome.as_deref() == Some(Outcome::Delivered.word());
            sum.delivered += usize::from(delivered);
            sum.completed += usize::from(said(Answer::Completed));
            let read = said(Answer::Acknowledged) || said(Answer::Completed);
            sum.acknowledged += usize::from(read);
            if !delivered && sum.missing.len() < MISSING_MAX {
                sum.missing.push(target.station.clone());
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_missing_is_named_and_who_is_done_has_read_it() {
        let target = |station: &str, outcome: Option<&str>, answer: Option<&str>| serde_json::json!({ "station": station, "outcome": outcome, "answer": answer });
        let page: MessageStatus = serde_json::from_value(serde_json::json!({
            "id": "1-b7k2qf-r1", "kind": "directive.issue", "origin": "1", "to": "1.>",
            "precedence": "routine", "grade": "accepted", "targets": [
                target("1.1", Some("delivered"), Some("completed")),
                target("1.2", Some("delivered"), Some("acknowledged")),
                target("1.3", Some("delivered"), None),
                target("1.4", Some("expired"), None),
                target("1.5", None, None),
            ],
        }))
        .unwrap();
        let missing = ["1.4", "1.5"].map(|code| Code::parse(code).unwrap()).into();
        let expected = Sum { targets: 5, delivered: 3, acknowledged: 2, completed: 1, missing };
        assert_eq!(page.sum(), expected);
    }
}
