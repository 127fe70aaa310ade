//! All attacks, and playing them one after the other on one county.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::time::timeout;

use super::attack::{Attack, Ended};
use super::bystander::Bystander;
use super::ground::Ground;
use super::proof::Before;
use super::report::Row;
use super::{
    doors, false_town, floods, frames, permissions, questions, secrets, township, web, wire,
};

/// An attack that is not over by then has hung something.
const OVER_WITHIN: Duration = Duration::from_secs(180);

/// Every attack there is, in the order in which they are played.
pub fn all() -> Vec<Attack> {
    let mut all = Vec::new();
    all.extend(permissions::ATTACKS);
    all.extend(doors::ATTACKS);
    all.extend(web::ATTACKS);
    all.extend(wire::ATTACKS);
    all.extend(frames::ATTACKS);
    all.extend(township::ATTACKS);
    all.extend(false_town::ATTACKS);
    all.extend(questions::ATTACKS);
    all.extend(floods::ATTACKS);
    all.extend(doors::LAST);
    all.extend(secrets::ATTACKS);
    all
}

/// Plays those that are wanted and tells of each as soon as it is over.
pub async fn play(wanted: impl Fn(&Attack) -> bool, mut told: impl FnMut(&Row)) -> Vec<Row> {
    let ground = Ground::prepare().await;
    let mut bystander = Bystander::of(&ground).await;
    let mut rows = Vec::new();
    for attack in all().into_iter().filter(wanted) {
        let row = one(&attack, &ground, &mut bystander).await;
        told(&row);
        rows.push(row);
    }
    rows
}

async fn one(attack: &Attack, ground: &Ground, bystander: &mut Bystander<'_>) -> Row {
    let place = ground.station(attack.at);
    let before = Before::take(attack, place).await;
    let reporting = bystander.start().await;
    let ended = played(attack, ground).await;
    let others = bystander.stop(reporting).await;
    let seen = before.after(attack, place).await;
    let metric_name = attack.metric.map(|(name, label)| format!("{name}{{{label}}}"));
    let mut row = Row {
        attack: attack.name.to_owned(),
        refused_by: None,
        metric_name: metric_name.unwrap_or_default(),
        metric: seen.metric,
        audit: seen.audit,
        others: others.is_ok(),
        faults: others.err().into_iter().collect(),
    };
    for (seen, where_to) in [(seen.metric, "counted"), (seen.audit, "written down")] {
        if seen == Some(false) {
            row.faults.push(format!("it was not {where_to} at {}", attack.at));
        }
    }
    match ended {
        Ok(by) => row.refused_by = Some(by),
        Err(why) => row.faults.push(why),
    }
    row
}

async fn played(attack: &Attack, ground: &Ground) -> Ended {
    // what does not come about panics with words of its own, which are on the terminal by then
    let play = AssertUnwindSafe((attack.play)(ground)).catch_unwind();
    match timeout(OVER_WITHIN, play).await {
        Ok(Ok(ended)) => ended,
        Ok(Err(_)) => Err("what must happen did not: see above".to_owned()),
        Err(_) => Err(format!("not over within {OVER_WITHIN:?}")),
    }
}
