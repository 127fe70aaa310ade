//! [`Books`]: reconciliation: every link agrees on the day; then the demo takes one record away at a
//! village, and that one is named.

use serde_json::{Value, json};
use yizhan_schemas::status::MessageStatus;

use super::{Played, Scenes};
use crate::journal::forget;

/// Where the books are compared.
const PATH: &str = "/v1/reconcile";

/// The books of all links, on the scenes' county.
pub(super) struct Books<'s, 'a>(pub(super) &'s Scenes<'a>);

impl Books<'_, '_> {
    /// All links agree.
    pub(super) async fn agree(&self) -> Result<Played, String> {
        let [_, _, county] = self.0.tiers()?;
        let agreed = |page: &Value| {
            let links = page["links"].as_array().filter(|_| page["state"] == "agreed")?;
            let count = |link: &Value| {
                link["up"].as_u64().unwrap_or(0) + link["down"].as_u64().unwrap_or(0)
            };
            Some((links.len(), links.iter().map(count).sum::<u64>()))
        };
        let (links, messages) =
            self.0.until(county, PATH, "the links did not agree", agreed).await?;
        let sentence = self.0.sentences.books_agree(links, messages);
        Ok(Played { sentence, good: links > 0 && messages > 0 })
    }

    /// One record goes missing at a village.
    pub(super) async fn miss_one(&self) -> Result<Played, String> {
        let [village, _, county] = self.0.tiers()?;
        let report = json!({"category": "积水", "severity": "general", "description": "井盖",
            "occurred_at": super::WHEN});
        let to = format!("up:{}", county.code);
        let id = self.0.hand_in(village, "incident.report", Some(&to), report).await?;
        let arrived = |page: &Value| {
            let page: MessageStatus = serde_json::from_value(page.clone()).ok()?;
            let mut outcomes = page.targets.iter().map(|target| target.outcome.as_deref());
            outcomes.all(|outcome| outcome == Some("delivered")).then_some(())
        };
        let path = format!("/v1/messages/{id}");
        self.0.until(village, &path, "the report did not arrive", arrived).await?;
        let gone = id.clone();
        let act =
            move |site: &super::Site| forget(&site.data(), &gone).map_err(|why| why.to_string());
        self.0.county.between_lives(&village.code, act).await?;
        let named = |page: &Value| {
            let links = page["links"].as_array().filter(|_| page["state"] == "gap")?;
            let gaps: Vec<&Value> =
                links.iter().filter_map(|it| it["gaps"].as_array()).flatten().collect();
            Some((gaps.len(), gaps.iter().any(|gap| gap["id"] == id.to_string().as_str())))
        };
        let (gaps, it_is) =
            self.0.until(county, PATH, "the missing record was not named", named).await?;
        let sentence = self.0.sentences.books_miss(&id, &village.code);
        Ok(Played { sentence, good: gaps == 1 && it_is })
    }
}
