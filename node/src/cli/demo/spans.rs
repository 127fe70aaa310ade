//! [`Spans`]: what the collector has at the end.

use std::time::Duration;

use yizhan_schemas::MessageId;

use super::county::County;
use super::ground::Site;
use crate::telemetry::spans::is_followed;

/// Spans of the last messages are on their way for so long at most.
const SETTLE_WITHIN: Duration = Duration::from_secs(30);
/// And all are there if no more come for so long.
const QUIET: Duration = Duration::from_secs(4);

/// Pause between two looks: nothing tells when another process has exported.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Looks at the root, which hands over the spans of all.
pub(super) struct Spans<'a> {
    pub(super) county: &'a County,
}

/// What it found.
pub(super) struct Told {
    pub(super) exported: u64,
    /// A report of which there are spans of every tier, and its trace.
    pub(super) whole: Option<(MessageId, String)>,
}

impl Spans<'_> {
    /// Waits until no more spans come.
    pub(super) async fn settled(&self) -> Result<Told, String> {
        let began = tokio::time::Instant::now();
        let (mut exported, mut since) = (0, began);
        while since.elapsed() < QUIET && began.elapsed() < SETTLE_WITHIN {
            let now = self.exported().await?;
            if now > exported {
                (exported, since) = (now, tokio::time::Instant::now());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        if exported == 0 {
            return Err("the collector took no span; see station.log of the county".to_owned());
        }
        Ok(Told { exported, whole: self.whole().await? })
    }

    fn root(&self) -> Result<&Site, String> {
        let root = self.county.site(self.county.topology.root());
        root.map(AsRef::as_ref).map_err(|fault| fault.to_string())
    }

    async fn exported(&self) -> Result<u64, String> {
        let root = self.root()?;
        let page = self.county.probe.metrics(root).await?;
        let line = page.lines().find_map(|line| line.strip_prefix("yizhan_spans_exported_total "));
        Ok(line.and_then(|value| value.trim().parse().ok()).unwrap_or(0))
    }

    async fn whole(&self) -> Result<Option<(MessageId, String)>, String> {
        let root = self.root()?;
        let page = self.county.probe.value(root, "/v1/messages?kind=incident.report").await?;
        let rows =
            page.get("messages").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
        let ids = rows.iter().filter_map(|row| row["id"].as_str()?.parse::<MessageId>().ok());
        let of_a_village = |id: &MessageId| self.county.topology.children(&id.origin).is_empty();
        Ok(ids.filter(of_a_village).find_map(|id| Some((id.clone(), is_followed(&id)?))))
    }
}
