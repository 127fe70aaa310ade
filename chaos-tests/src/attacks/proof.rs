//! [`Before`]: what a station had counted and written down before an attack, to be held against
//! what it has after it.

use std::fs;
use std::time::Duration;

use super::attack::Attack;
use crate::real::place::Place;

/// Metrics are read so often until they show it.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A station that has not counted or written down an attack by then has not noticed it.
const NOTICED_WITHIN: Duration = Duration::from_secs(15);

/// What was there before.
pub struct Before {
    metric: Option<f64>,
    lines: Option<usize>,
}

/// Whether both show it; none where that is not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The figure went up.
    pub metric: Option<bool>,
    /// A line more.
    pub audit: Option<bool>,
}

impl Before {
    /// Takes down what there is.
    pub async fn take(attack: &Attack, place: &Place) -> Self {
        Self { metric: figure(attack, place).await, lines: lines(attack, place) }
    }

    /// Waits until there is more.
    pub async fn after(&self, attack: &Attack, place: &Place) -> Seen {
        let look = async || {
            let (figure, lines) = (figure(attack, place).await, lines(attack, place));
            let metric = figure.zip(self.metric).map(|(now, before)| now > before);
            Seen { metric, audit: lines.zip(self.lines).map(|(now, before)| now > before) }
        };
        let all = async {
            loop {
                let seen = look().await;
                if seen.metric != Some(false) && seen.audit != Some(false) {
                    return seen;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        match tokio::time::timeout(NOTICED_WITHIN, all).await {
            Ok(seen) => seen,
            Err(_) => look().await,
        }
    }
}

async fn figure(attack: &Attack, place: &Place) -> Option<f64> {
    let (name, label) = attack.metric?;
    Some(place.metric(name, label).await.unwrap_or_default())
}

/// Lines of the audit log that have all of the attack's words; none if that is not asked for.
fn lines(attack: &Attack, place: &Place) -> Option<usize> {
    let words = attack.audit?;
    let files = fs::read_dir(place.data().join("audit")).into_iter().flatten().flatten();
    let texts = files.filter_map(|file| fs::read_to_string(file.path()).ok());
    let has = |line: &&str| words.iter().all(|word| line.contains(word));
    Some(texts.map(|text| text.lines().filter(has).count()).sum())
}
