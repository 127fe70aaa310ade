//! A township that lies, with its own key: about what its village reports, and about what the
//! county orders.
//!
//! Its own box does what its owner likes, so no station runs there. What the village reports is
//! sealed with the village's seed, as its box does it.

use serde_bytes::ByteBuf;

use super::attack::{Attack, Ended};
use super::ground::{COUNTY, CROOK, Ground, VICTIM, cameras_command};
use super::raw_frame::{Header, Record, Seal, seal};
use super::raw_link::{EPOCH, RawLink};
use crate::real::until::{SOON, until};

/// A report's body.
const PAYLOAD: &[u8] = br#"{"category":"a","severity":"general","description":"7 wounded",
    "occurred_at":"2026-11-23T08:30:00+08:00"}"#;
const ORDER: &[u8] = br#"{"title":"a","text":"leave your houses","requires":"delivered"}"#;

const FORBIDDEN: (&str, &str) = ("yizhan_forbidden_total", CROOK);

/// All of them, at the county.
pub const ATTACKS: [Attack; 7] = [
    Attack {
        name: "a township alters a byte of a report",
        heavy: false,
        at: COUNTY,
        metric: Some(("yizhan_seals_refused_total", "reason=\"signature\"")),
        audit: Some(&["\"unsealed\"", CROOK]),
        play: |ground| Box::pin(alters(ground)),
    },
    Attack {
        name: "a township replays a report",
        heavy: false,
        at: COUNTY,
        metric: Some(("yizhan_duplicates_suppressed_total", CROOK)),
        audit: None,
        play: |ground| Box::pin(replays(ground)),
    },
    Attack {
        name: "a township hands reports on out of order",
        heavy: false,
        at: COUNTY,
        metric: Some(("yizhan_late_total", CROOK)),
        audit: None,
        play: |ground| Box::pin(reorders(ground)),
    },
    Attack {
        name: "a township makes up its village's reports",
        heavy: false,
        at: COUNTY,
        metric: Some(("yizhan_seals_refused_total", "reason=\"origin\"")),
        audit: Some(&["\"unsealed\"", CROOK]),
        play: |ground| Box::pin(makes_up(ground)),
    },
    Attack {
        name: "a township speaks as the county, upward",
        heavy: false,
        at: COUNTY,
        metric: Some(("yizhan_quarantined_total", CROOK)),
        audit: Some(&["\"quarantined\"", CROOK]),
        play: |ground| Box::pin(speaks_as_the_county(ground)),
    },
    Attack {
        name: "a township orders the county about",
        heavy: false,
        at: COUNTY,
        metric: Some(FORBIDDEN),
        audit: Some(&["\"forbidden\"", CROOK]),
        play: |ground| Box::pin(orders_upward(ground)),
    },
    Attack {
        name: "a village commands a camera of others",
        heavy: false,
        at: COUNTY,
        metric: Some(("yizhan_attempts_total", "result=\"forbidden\"")),
        audit: Some(&["\"command_forbidden\"", VICTIM]),
        play: |ground| Box::pin(commands_upward(ground)),
    },
];

/// A message of these stations; its sequence tells it from all others of this run.
fn message(o: &'static str, s: u64, k: &'static str, t: &'static str) -> Header<'static> {
    Header { o, e: EPOCH, l: "r", s, k, t, a: 1 }
}

fn report(sequence: u64) -> Header<'static> {
    message(VICTIM, sequence, "incident.report", "up:510722")
}

/// An envelope and its seal by somebody, as the `record`th of a frame.
fn sealed(ground: &Ground, by: &str, envelope: &[u8], record: u32) -> Seal {
    seal(&ground.seed(by), envelope, record)
}

/// Waits until the county has delivered this, and demands that it has only once.
async fn is_delivered_once(ground: &Ground, id: &str) -> Result<(), String> {
    until(SOON, format!("{id} is delivered"), || async {
        ground.at_county(id).await.filter(|times| *times > 0)
    })
    .await;
    match ground.at_county(id).await {
        Some(1) => Ok(()),
        other => Err(format!("{id} is there {other:?} times")),
    }
}

async fn is_not_delivered(ground: &Ground, id: &str) -> Result<(), String> {
    match ground.at_county(id).await {
        Some(0) => Ok(()),
        other => Err(format!("{id} is there {other:?} times")),
    }
}

async fn alters(ground: &Ground) -> Ended {
    let link = RawLink::open(ground, CROOK).await?;
    let (first, second) = (report(101), report(102));
    let good = first.envelope(PAYLOAD);
    let seal_of_it = sealed(ground, VICTIM, &good, 0);
    let mut altered = good.clone();
    let figure = b"7 wounded";
    let at = altered.windows(figure.len()).position(|part| part == figure);
    altered[at.ok_or("no figure in the report")?] = b'0';
    link.sends(1, &[Record::carried(&altered)], std::slice::from_ref(&seal_of_it)).await?;
    // what comes behind it goes on, and so does the report itself, as it was
    let other = second.envelope(PAYLOAD);
    link.sends(2, &[Record::carried(&other)], &[sealed(ground, VICTIM, &other, 0)]).await?;
    is_delivered_once(ground, &second.id()).await?;
    is_not_delivered(ground, &first.id()).await?;
    link.sends(3, &[Record::carried(&good)], &[seal_of_it]).await?;
    is_delivered_once(ground, &first.id()).await?;
    Ok("county: seal".to_owned())
}

async fn replays(ground: &Ground) -> Ended {
    let link = RawLink::open(ground, CROOK).await?;
    let (once, end) = (report(111), report(112));
    let envelope = once.envelope(PAYLOAD);
    for leg in 1..=5 {
        let seal = sealed(ground, VICTIM, &envelope, 0);
        link.sends(leg, &[Record::carried(&envelope)], &[seal]).await?;
    }
    // and once more in another session
    let again = RawLink::open(ground, CROOK).await?;
    let last = end.envelope(PAYLOAD);
    let records = [Record::carried(&envelope), Record::carried(&last)];
    let seals = [sealed(ground, VICTIM, &envelope, 0), sealed(ground, VICTIM, &last, 1)];
    again.sends(1, &records, &seals).await?;
    is_delivered_once(ground, &end.id()).await?;
    is_delivered_once(ground, &once.id()).await?;
    Ok("county: seen before".to_owned())
}

async fn reorders(ground: &Ground) -> Ended {
    let link = RawLink::open(ground, CROOK).await?;
    let (first, second) = (report(121), report(122));
    for (leg, header) in [(1, second), (2, first)] {
        let envelope = header.envelope(PAYLOAD);
        let seal = sealed(ground, VICTIM, &envelope, 0);
        link.sends(leg, &[Record::carried(&envelope)], &[seal]).await?;
    }
    is_delivered_once(ground, &second.id()).await?;
    is_delivered_once(ground, &first.id()).await?;
    let all = ground.county_inbox().await.ok_or("the county's inbox cannot be read")?;
    let late = all.iter().find(|message| message.id() == first.id());
    match late.and_then(|message| message.headers.get("Yz-Late")) {
        Some(mark) if mark == "1" => Ok("county: marked Yz-Late".to_owned()),
        _ => Err("what came behind its successor is not marked".to_owned()),
    }
}

async fn makes_up(ground: &Ground) -> Ended {
    let link = RawLink::open(ground, CROOK).await?;
    let (bare, own, good) = (report(131), report(132), report(133));
    let [first, second, third] = [bare, own, good].map(|header| header.envelope(PAYLOAD));
    let records = [&first, &second, &third].map(|envelope| Record::carried(envelope));
    let mut torn = sealed(ground, VICTIM, &third, 0);
    torn.5 = ByteBuf::from(vec![7; 64]);
    let seals = [torn, sealed(ground, CROOK, &second, 1), sealed(ground, VICTIM, &third, 2)];
    link.sends(1, &records, &seals).await?;
    is_delivered_once(ground, &good.id()).await?;
    is_not_delivered(ground, &bare.id()).await?;
    is_not_delivered(ground, &own.id()).await?;
    Ok("county: seal".to_owned())
}

/// Sends one message under a seal, then a good one behind it; the first must not be delivered.
async fn is_put_aside(ground: &Ground, wrong: Header<'_>, by: &str, good: Header<'_>) -> Ended {
    let link = RawLink::open(ground, CROOK).await?;
    let (first, second) = (wrong.envelope(ORDER), good.envelope(PAYLOAD));
    let records = [Record::carried(&first), Record::carried(&second)];
    let seals = [sealed(ground, by, &first, 0), sealed(ground, VICTIM, &second, 1)];
    link.sends(1, &records, &seals).await?;
    is_delivered_once(ground, &good.id()).await?;
    is_not_delivered(ground, &wrong.id()).await?;
    Ok("county: put aside".to_owned())
}

async fn speaks_as_the_county(ground: &Ground) -> Ended {
    let order = message(COUNTY, 141, "directive.issue", "510722.>");
    is_put_aside(ground, order, CROOK, report(142)).await
}

async fn orders_upward(ground: &Ground) -> Ended {
    let order = message(CROOK, 151, "directive.issue", COUNTY);
    is_put_aside(ground, order, CROOK, report(152)).await
}

/// A video command may go up; that it goes no further than its origin's own devices is the
/// county's to see, who has the camera.
async fn commands_upward(ground: &Ground) -> Ended {
    let link = RawLink::open(ground, CROOK).await?;
    let (wrong, good) = (message(VICTIM, 161, "video.dispatch", COUNTY), report(162));
    let (first, second) = (wrong.envelope(cameras_command().as_bytes()), good.envelope(PAYLOAD));
    let records = [Record::carried(&first), Record::carried(&second)];
    let seals = [sealed(ground, VICTIM, &first, 0), sealed(ground, VICTIM, &second, 1)];
    link.sends(1, &records, &seals).await?;
    is_delivered_once(ground, &good.id()).await?;
    is_not_delivered(ground, &wrong.id()).await?;
    Ok("county: jurisdiction".to_owned())
}
