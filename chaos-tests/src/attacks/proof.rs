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
    metric: f64,
    lines: usize,
}

/// Whether both show it.
pub struct Seen {
    /// The counter went up.
    pub metric: bool,
    /// A line more.
    pub audit: bool,
}

impl Before {
    /// Takes down what there is.
    pub async fn take(attack: &Attack, place: &Place) -> Self {
        Self { metric: count(attack, place).await, lines: lines(attack, place) }
    }

    /// Waits until there is more.
    pub async fn after(&self, attack: &Attack, place: &Place) -> Seen {
        let look = async || Seen {
            metric: count(attack, place).await > self.metric,
            audit: lines(attack, place) > self.lines,
        };
        let all = async {
            loop {
                let seen = look().await;
                if seen.metric && seen.audit {
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

async fn count(attack: &Attack, place: &Place) -> f64 {
    let (name, label) = attack.metric;
    place.metric(name, label).await.unwrap_or_default()
}

/// Lines of the audit log that have all of the attack's words.
fn lines(attack: &Attack, place: &Place) -> usize {
    let Ok(files) = fs::read_dir(place.data().join("audit")) else { return 0 };
    let texts = files.flatten().filter_map(|file| fs::read_to_string(file.path()).ok());
    let has = |line: &&str| attack.audit.iter().all(|word| line.contains(word));
    texts.map(|text| text.lines().filter(has).count()).sum()
}
