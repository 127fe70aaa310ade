//! [`FalseTown`]: a township's bus with nobody behind it but its owner, who answers his village's
//! hello by hand, acknowledges what it reports, and orders what he likes.

use std::process::Stdio;

use async_nats::{Client, Subscriber};
use futures::StreamExt as _;
use serde_bytes::ByteBuf;
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::attack::{Attack, Ended};
use super::ground::{COUNTY, CROOK, Ground, OFFICE, VICTIM};
use super::raw_frame::{Frame, Header, LaneAck, Record, Said, Welcome, seal, tag};
use super::raw_link::EPOCH;
use crate::real::inbox::read_all;
use crate::real::publisher::{Event, accepted, publish};
use crate::real::until::{SOON, until};

const ORDER: &[u8] = br#"{"title":"a","text":"leave your houses","requires":"delivered"}"#;
/// The store under which the false township answers.
const STORE: &str = "caaaaaaaaaaaa";

/// Both are seen at the village: the county hears nothing of either.
pub const ATTACKS: [Attack; 2] = [
    Attack {
        name: "a township orders in the county's name",
        heavy: false,
        at: VICTIM,
        metric: Some(("yizhan_seals_refused_total", "reason=\"origin\"")),
        audit: Some(&["\"unsealed\"", "origin"]),
        play: |ground| Box::pin(orders(ground)),
    },
    Attack {
        // it is not refused, for nobody can: it shows, as no outcome ever comes
        name: "a township swallows a report",
        heavy: false,
        at: VICTIM,
        metric: Some(("yizhan_outcomes_open", "")),
        audit: None,
        play: |ground| Box::pin(swallows(ground)),
    },
];

/// The bus, and its owner's session with the village.
struct FalseTown {
    nats: Client,
    up: Subscriber,
    tag: ByteBuf,
    /// It ends with this.
    _server: Child,
}

impl FalseTown {
    async fn opens(ground: &Ground) -> Result<Self, String> {
        let home = ground.county.home(CROOK);
        let mut server = Command::new("setpriv");
        server.args(["--pdeathsig", "KILL", "--", "nats-server", "-c", "nats-server.conf"]);
        server.current_dir(&home).stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        let _server = server.spawn().map_err(|why| why.to_string())?;
        let bus = &ground.station(CROOK).bus;
        let nats = until(SOON, "the false township's bus", || async {
            ground.county.runs_the_bus_of(CROOK).connect(bus).await.ok()
        })
        .await;
        let up = nats.subscribe(format!("yz.up.{VICTIM}")).await;
        let mut up = up.map_err(|why| why.to_string())?;
        let tag = timeout(SOON, welcome(&nats, &mut up)).await.map_err(|_| "no hello")??;
        Ok(Self { nats, up, tag, _server })
    }

    async fn says(&self, frame: &Frame) -> Result<(), String> {
        let to = format!("yz.down.{VICTIM}");
        self.nats.publish(to, frame.bytes().into()).await.map_err(|why| why.to_string())?;
        self.nats.flush().await.map_err(|why| why.to_string())
    }

    /// Acknowledges whatever the village hands over, as if it went on from here.
    async fn swallows(&mut self) -> Result<(), String> {
        while let Some(message) = self.up.next().await {
            let batch = Said::read(&message.payload).and_then(|said| said.batch);
            let Some(batch) = batch.filter(|batch| batch.lane == "r") else { continue };
            let through = batch.through().ok_or("a batch that is packed")?;
            self.says(&Frame::ack(&self.tag, LaneAck { lane: "r", through })).await?;
        }
        Err("the village says nothing more".to_owned())
    }
}

/// Answers a hello as a township does that has nothing and knows nothing.
async fn welcome(nats: &Client, up: &mut Subscriber) -> Result<ByteBuf, String> {
    while let Some(message) = up.next().await {
        let (Some(to), Some(Said { hello: Some(hello), .. })) =
            (message.reply, Said::read(&message.payload))
        else {
            continue;
        };
        let welcome = Welcome::to(&hello, CROOK, STORE, EPOCH);
        let tag = tag(&hello, &welcome);
        let bytes = Frame::Welcome(welcome).bytes();
        nats.publish(to, bytes.into()).await.map_err(|why| why.to_string())?;
        return Ok(tag);
    }
    Err("the village says nothing".to_owned())
}

fn order(o: &'static str, s: u64) -> Header<'static> {
    Header { o, e: EPOCH, l: "r", s, k: "directive.issue", t: VICTIM, a: 1 }
}

async fn orders(ground: &Ground) -> Ended {
    let town = FalseTown::opens(ground).await?;
    // its own order it may give, and that shows that the other one came as far
    let (forged, own) = (order(COUNTY, 301), order(CROOK, 302));
    let [first, second] = [forged, own].map(|header| header.envelope(ORDER));
    let seed = ground.seed(CROOK);
    let seals = [seal(&seed, &first, 0), seal(&seed, &second, 1)];
    let records = [Record::carried(&first), Record::carried(&second)];
    town.says(&Frame::records(&town.tag, 1, &records, &seals)).await?;
    let (code, name, _) = OFFICE;
    let office = ground.county.application(code, name).connect(&ground.station(code).bus).await;
    let office = async_nats::jetstream::new(office.map_err(|why| why.to_string())?);
    let all = until(SOON, "the township's own order is delivered", || async {
        let all = read_all(&office.get_stream("YZ_INBOX").await.ok()?).await?;
        all.iter().any(|message| message.id() == own.id()).then_some(all)
    })
    .await;
    match all.iter().any(|message| message.id() == forged.id()) {
        false => Ok("village: seal".to_owned()),
        true => Err("an order in the county's name is delivered".to_owned()),
    }
}

async fn swallows(ground: &Ground) -> Ended {
    let mut town = FalseTown::opens(ground).await?;
    let (code, name, _) = OFFICE;
    let village = ground.station(code);
    let office = ground.county.application(code, name).connect(&village.bus).await;
    let office = office.map_err(|why| why.to_string())?;
    let id = accepted(&publish(&office, &Event::report(1).keyed("swallowed")).await);
    let believes = until(SOON, "the village believes that it is handed over", || async {
        let url = format!("{}/v1/messages/{id}", village.url()?);
        let page: Value = village.http.get(url).send().await.ok()?.json().await.ok()?;
        page["trail"].to_string().contains("handed_over").then_some(page)
    });
    let page = tokio::select! {
        page = believes => page,
        ended = town.swallows() => return Err(format!("{ended:?}")),
    };
    let open = page["targets"][0]["outcome"].is_null() && page["grade"] != "delivered";
    match open {
        true => Ok("seen: no outcome".to_owned()),
        false => Err(format!("a swallowed report looks as if it were delivered: {page}")),
    }
}
