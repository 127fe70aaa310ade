//! [`Commands`]: two video commands of the county, one carried out and one that came too late.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use yizhan_schemas::MessageId;
use yizhan_schemas::status::{MessageStatus, Target};

use super::county::County;
use super::plan::Plan;
use crate::cli::devices::Asked;

/// How long a receipt may be under way when all links are up.
const KNOWN_WITHIN: Duration = Duration::from_secs(30);
/// Before it is looked at again.
const PAUSE: Duration = Duration::from_millis(200);

/// The two commands, as their sender and the camera know them.
#[derive(Debug, Clone, Default)]
pub(super) struct Commands {
    /// What the sender knows of each, in the plan's order; none that was not accepted.
    pub(super) pages: Vec<MessageStatus>,
    /// What the camera was asked.
    pub(super) asked: Vec<Asked>,
}

impl Commands {
    /// Asks the sender of each until it knows how it ended, or for too long.
    pub(super) async fn gather(
        county: &County,
        plan: &Plan,
        accepted: &[MessageId],
        asked: Vec<Asked>,
    ) -> Self {
        let deadline = Instant::now() + KNOWN_WITHIN;
        let mut pages = Vec::new();
        for (id, post) in accepted.iter().zip(&plan.commands) {
            let Ok(site) = county.site(&post.station) else { continue };
            loop {
                let page = county.probe.message(site, id).await;
                let ended = |page: &MessageStatus| page.targets.iter().all(|t| t.outcome.is_some());
                match page {
                    Ok(page) if ended(&page) || Instant::now() > deadline => {
                        pages.push(page);
                        break;
                    }
                    Err(_) if Instant::now() > deadline => break,
                    Ok(_) | Err(_) => sleep(PAUSE).await,
                }
            }
        }
        Self { pages, asked }
    }

    /// What is not as it should be, in words.
    pub(super) fn problems(&self) -> Vec<String> {
        let [open, late] = self.pages.as_slice() else {
            return vec![format!("{} of 2 video commands are known", self.pages.len())];
        };
        let mut problems = Vec::new();
        let mut expect = |page: &MessageStatus, outcome: &str, answer: Option<&str>| {
            let is_so = |target: &Target| {
                target.outcome.as_deref() == Some(outcome) && target.answer.as_deref() == answer
            };
            if page.targets.is_empty() || !page.targets.iter().all(is_so) {
                let answer = answer.unwrap_or("no answer");
                problems.push(format!("{} is not {outcome} with {answer}", page.id));
            }
        };
        expect(open, "delivered", Some("completed"));
        expect(late, "expired", None);
        let asked = |id: &MessageId| {
            let id = id.to_string();
            self.asked.iter().filter(|asked| asked.id == id).count()
        };
        if (asked(&open.id), asked(&late.id)) != (1, 0) {
            let (open, late) = (asked(&open.id), asked(&late.id));
            problems.push(format!(
                "the camera was asked {open} times for the first command and {late} for the second"
            ));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(sequence: u64, outcome: &str, answer: Option<&str>) -> MessageStatus {
        let value = serde_json::json!({
            "id": format!("1-b7k2qf-r{sequence}"), "kind": "video.dispatch", "origin": "1",
            "to": "1.1.1", "precedence": "routine", "grade": "accepted",
            "targets": [{ "station": "1.1.1", "outcome": outcome, "answer": answer }],
        });
        serde_json::from_value(value).unwrap()
    }

    fn asked(sequence: u64) -> Asked {
        let text = |text: &str| text.to_owned();
        Asked {
            at: text("now"),
            id: format!("1-b7k2qf-r{sequence}"),
            device: text("1"),
            command: text("open"),
            answer: text("ok"),
        }
    }

    #[test]
    fn a_late_command_that_was_run_is_a_problem_even_if_its_receipt_says_expired() {
        let pages = vec![page(1, "delivered", Some("completed")), page(2, "expired", None)];
        let good = Commands { pages, asked: vec![asked(1)] };
        assert_eq!(good.problems(), Vec::<String>::new());
        let run = Commands { asked: vec![asked(1), asked(2)], ..good.clone() };
        assert!(run.problems()[0].contains("asked 1 times for the first command and 1"));
        let silent = Commands { pages: vec![good.pages[0].clone()], ..good.clone() };
        assert_eq!(silent.problems(), ["1 of 2 video commands are known"]);
        let other = vec![page(1, "delivered", None), page(2, "delivered", None)];
        assert_eq!(Commands { pages: other, ..good }.problems().len(), 2);
    }
}
