//! What a stolen village box, or a township, says and hears on its parent's bus that is not its
//! own. Each attack tries all forms of one thing.

use super::attack::{Attack, Ended};
use super::ground::{Ground, THIEF, TOWN, VILLAGE};
use super::raw_bus::RawBus;

/// What the bus counts a refused publish under.
const PUBLISH: (&str, &str) = ("yizhan_bus_refused_total", "reason=\"publish\"");
/// The same for a subscription.
const SUBSCRIBE: (&str, &str) = ("yizhan_bus_refused_total", "reason=\"subscribe\"");
const AUDIT_PUBLISH: &[&str] = &["refused", "publish", THIEF];
const AUDIT_SUBSCRIBE: &[&str] = &["refused", "subscri", THIEF];

async fn thief(ground: &Ground) -> Result<RawBus, String> {
    RawBus::at(ground, TOWN, ground.county.holder_of(THIEF)).await
}

async fn says(ground: &Ground, subjects: &[String]) -> Ended {
    let mut bus = thief(ground).await?;
    let mut ended = Err("nothing was tried".to_owned());
    for subject in subjects {
        ended = Ok(bus.is_refused_to_say(subject).await?);
    }
    ended
}

async fn hears(ground: &Ground, subjects: &[String]) -> Ended {
    let mut bus = thief(ground).await?;
    let mut ended = Err("nothing was tried".to_owned());
    for subject in subjects {
        ended = Ok(bus.is_refused_to_hear(subject).await?);
    }
    ended
}

const fn said(name: &'static str, play: Play) -> Attack {
    Attack { name, heavy: false, at: TOWN, metric: Some(PUBLISH), audit: Some(AUDIT_PUBLISH), play }
}

const fn heard(name: &'static str, play: Play) -> Attack {
    Attack {
        name,
        heavy: false,
        at: TOWN,
        metric: Some(SUBSCRIBE),
        audit: Some(AUDIT_SUBSCRIBE),
        play,
    }
}

type Play = for<'g> fn(&'g Ground) -> futures::future::BoxFuture<'g, Ended>;

fn inbox_of(code: &str) -> String {
    format!("_INBOX_{}", code.replace('.', "_"))
}

/// All of them.
pub const ATTACKS: [Attack; 8] = [
    said("a village publishes as another village", |ground| {
        Box::pin(async move {
            says(ground, &[format!("yz.up.{VILLAGE}"), format!("yz.status.{VILLAGE}")]).await
        })
    }),
    said("a village publishes as its parent", |ground| {
        Box::pin(async move {
            says(ground, &[format!("yz.up.{TOWN}"), format!("yz.status.{TOWN}")]).await
        })
    }),
    said("a village publishes downward", |ground| {
        Box::pin(async move {
            let down = [VILLAGE, THIEF]
                .map(|code| [format!("yz.down.{code}"), format!("yz.query.{code}")]);
            says(ground, &down.concat()).await
        })
    }),
    said("a village answers into others' inboxes", |ground| {
        Box::pin(async move {
            let whose = [inbox_of(VILLAGE), inbox_of(TOWN), "_INBOX".to_owned()];
            says(ground, &whose.map(|prefix| format!("{prefix}.one"))).await
        })
    }),
    said("a village writes as an application", |ground| {
        Box::pin(async move {
            let subjects = [
                "yz.submit.incident.report",
                "yz.ack.510722-aaaaaa-r1",
                "yz.inbox.incident.report.510722",
                "$JS.API.STREAM.PURGE.YZ_INBOX",
            ];
            says(ground, &subjects.map(str::to_owned)).await
        })
    }),
    heard("a village subscribes to everything", |ground| {
        Box::pin(async move {
            hears(ground, &[">", "*", "yz.>", "yz.up.>", "yz.*.>", "_INBOX.>"].map(str::to_owned))
                .await
        })
    }),
    heard("a village listens to another's orders", |ground| {
        Box::pin(async move {
            let subjects = [
                format!("yz.down.{VILLAGE}"),
                "yz.down.>".to_owned(),
                format!("yz.query.{VILLAGE}"),
                format!("{}.>", inbox_of(VILLAGE)),
            ];
            hears(ground, &subjects).await
        })
    }),
    heard("a village subscribes to $SYS", |ground| {
        Box::pin(async move {
            hears(ground, &["$SYS.>", "$SYS.ACCOUNT.>", "$JS.>"].map(str::to_owned)).await
        })
    }),
];
