//! What no seal covers enters no inbox: frames of another implementation, published with a real
//! child's key.

use std::collections::BTreeMap;

use async_nats::{Client, ConnectOptions};
use bytes::Bytes;
use nkeys::KeyPair;

use chaos_tests::real::county::{County, Plan};
use chaos_tests::real::until::{SOON, until};
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::frame::{
    Batch, Body, Carried, Chain, Frame, Hello, LinkEpoch, Offer, Record, SessionTag, VERSION,
};
use yizhan_schemas::seal::{Algorithm, KeyId, Seal, Stamp, Tree, signed};
use yizhan_schemas::{Code, Envelope, Epoch, Header, Kind, Lane, PerLane, Selector, StoreId};

use crate::inbox::{Delivered, read};

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";
const VILLAGE: &str = "510722.101.001";

/// A station's nkey, as `yizhan topology keys` made it.
fn key(county: &County, code: &str) -> (KeyPair, String) {
    let file = county.station(COUNTY).dir.with_file_name("keys").join(format!("{code}.nk"));
    let seed = std::fs::read_to_string(file).unwrap().trim().to_owned();
    (KeyPair::from_seed(&seed).unwrap(), seed)
}

fn report(origin: &str, sequence: u64, text: &str) -> Bytes {
    let header = Header {
        origin: Code::parse(origin).unwrap(),
        epoch: Epoch::from_random(7),
        lane: Lane::Routine,
        sequence,
        kind: Kind::parse("incident.report").unwrap(),
        to: Selector::up(),
        handle: Some(Selector::parse(COUNTY).unwrap()),
        notify: None,
        accepted_ms: 1,
        ttl_ms: None,
        content_type: None,
        traceparent: None,
        ce_id: None,
        ce_source: None,
        ce_time: None,
        ce_extensions: BTreeMap::new(),
        references: Vec::new(),
    };
    Envelope::make(header, text.as_bytes()).unwrap().bytes().clone()
}

fn id(origin: &str, sequence: u64) -> String {
    format!("{origin}-{}-r{sequence}", Epoch::from_random(7))
}

/// A seal over these envelopes, of which those with a record are in the frame.
fn seal(key: &KeyPair, leaves: &[(&Bytes, Option<u32>)]) -> Seal {
    let tree = Tree::whole(leaves.iter().map(|(bytes, _)| Digest::of(bytes)).collect()).unwrap();
    let (_, public) = nkeys::from_public_key(&key.public_key()).unwrap();
    let signature = key.sign(&signed(tree.leaves(), tree.root())).unwrap().into();
    let stamp = Stamp {
        algorithm: Algorithm::Ed25519Sha256,
        key: KeyId::of(&public),
        leaves: tree.leaves(),
        signature,
    };
    let there: Vec<_> = (0..).zip(leaves).filter_map(|(at, leaf)| Some((at, leaf.1?))).collect();
    let part = tree.only(&there.iter().map(|(leaf, _)| *leaf).collect::<Vec<_>>()).unwrap();
    Seal { stamp, runs: Seal::runs(there), siblings: part.siblings().to_vec() }
}

/// The town's connection to the county's bus, and its session.
struct Town {
    nats: Client,
    session: SessionTag,
}

impl Town {
    async fn says_hello(county: &County) -> Self {
        let (_, seed) = key(county, TOWN);
        let options = ConnectOptions::with_nkey(seed)
            .custom_inbox_prefix(format!("_INBOX_{}", TOWN.replace('.', "_")));
        let nats = options.connect(&county.station(COUNTY).bus).await.unwrap();
        let epoch = Epoch::from_random(7);
        let offer = Offer {
            link_epoch: LinkEpoch { epoch, n: 1 },
            start: 1,
            start_chain: Chain::default(),
            next: 1,
        };
        let hello = Hello {
            version: VERSION,
            code: Code::parse(TOWN).unwrap(),
            formerly: None,
            store: StoreId::from_random(1),
            epoch,
            counter: 1,
            boot_ms: 1,
            boot: None,
            offers: PerLane::from_fn(|_| offer),
            haves: PerLane::default(),
            dictionaries: Vec::new(),
            software: "a test".to_owned(),
        };
        let asked = Frame::Hello(hello.clone()).encode().unwrap();
        let answer = nats.request(format!("yz.up.{TOWN}"), asked).await.unwrap();
        let Frame::Welcome(welcome) = Frame::decode(&answer.payload).unwrap() else { panic!() };
        Self { nats, session: SessionTag::of(&hello, &welcome) }
    }

    async fn sends(&self, first: u64, envelopes: &[&Bytes], seals: Vec<Seal>) {
        let record = |envelope: &&Bytes| {
            let envelope = Bytes::clone(envelope);
            Record::Carried(Carried { envelope, age_ms: 0, age_unknown: false, hops: 0 })
        };
        let body = Body { records: envelopes.iter().map(record).collect(), seals };
        let batch = Batch {
            session: self.session,
            lane: Lane::Routine,
            first,
            sent_ms: 1,
            packing: None,
            body: body.encode().unwrap(),
        };
        let frame = Frame::Batch(batch).encode().unwrap();
        self.nats.publish(format!("yz.up.{TOWN}"), frame).await.unwrap();
        self.nats.flush().await.unwrap();
    }
}

#[tokio::test]
async fn what_its_origins_seal_does_not_cover_is_put_aside_and_the_rest_is_delivered() {
    let mut county = Plan::of(&[COUNTY, TOWN, VILLAGE]).laid_out();
    county.station_mut(COUNTY).start();
    county.station_mut(COUNTY).ready().await;
    let ((town, _), (village, _)) = (key(&county, TOWN), key(&county, VILLAGE));
    let link = Town::says_hello(&county).await;

    let [one, two, four, five, six] = [1, 2, 4, 5, 6].map(|at| report(TOWN, at, "{\"as\":1}"));
    let (altered, forged) = (report(TOWN, 2, "{\"as\":2}"), report(TOWN, 6, "{\"as\":2}"));
    let (three, stolen) = (report(VILLAGE, 3, "{}"), report(VILLAGE, 7, "{}"));
    let seals = vec![
        seal(&town, &[(&one, Some(0)), (&two, Some(1))]),
        seal(&village, &[(&three, Some(2))]),
        seal(&town, &[(&five, Some(4)), (&six, None)]),
        // a town cannot speak for its village
        seal(&town, &[(&stolen, Some(6))]),
    ];
    let envelopes = [&one, &altered, &three, &four, &five, &forged, &stolen];
    link.sends(1, &envelopes, seals).await;
    // and the link goes on: what was altered once may come again as it was
    let again = seal(&town, &[(&two, Some(0))]);
    link.sends(8, &[&two], vec![again]).await;

    let place = county.station(COUNTY);
    let metric = async |name: &str, label: &str| place.metric(name, label).await;
    let refused = async |reason: &str| {
        metric("yizhan_seals_refused_total", &format!("reason=\"{reason}\"")).await
    };
    until(SOON, "what was put aside is counted", async || {
        (metric("yizhan_quarantined_total", TOWN).await == Some(5.0)).then_some(())
    })
    .await;
    // its receipts wait for a town that acks nothing, so it never comes to rest
    let wanted = [id(VILLAGE, 3), id(TOWN, 5), id(TOWN, 2)];
    until(SOON, "the others are delivered", async || {
        let there = read(place).await;
        there.iter().map(Delivered::id).eq(wanted.iter()).then_some(())
    })
    .await;
    assert_eq!(refused("signature").await, Some(2.0));
    assert_eq!(refused("uncovered").await, Some(2.0));
    assert_eq!(refused("origin").await, Some(1.0));
}
