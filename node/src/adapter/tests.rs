//! Attempts against a real bus, with a pretend log, core and adapter.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Value, json};
use tempfile::TempDir;
use yizhan_core::time::BootId;
use yizhan_schemas::frame::Chain;
use yizhan_schemas::{Code, Epoch, Kind, Lane, MessageId, Selector};

use super::*;
use crate::bus::{Dial, Listen, ManagedPlan, OwnBus, Patience, Subscription};
use crate::catalogue::Shelf;
use crate::mailbox::{self, Letter};

const SOON: Duration = Duration::from_secs(20);
const BOOT: BootId = BootId(7);

/// A log with one leg in it, or none.
struct OneLeg(Option<HeldLeg>);

impl LegSource for OneLeg {
    fn legs(
        &self,
        link: &Link,
        _: Lane,
        from: u64,
        through: u64,
        each: &mut dyn FnMut(Reading) -> bool,
    ) -> Result<(), String> {
        assert_eq!((link, from, through), (&Link::Adapter, 1, 1));
        let leg = self.0.clone().map_or(Reading::Gap { from, through }, Reading::Leg);
        each(leg);
        Ok(())
    }

    fn chain_at(&self, _: &Link, _: Lane, _: u64) -> Option<Chain> {
        None
    }
}

fn leg(kind: &str, body: &Value, ttl_ms: u64, age_ms: u64) -> HeldLeg {
    let header = Header {
        ttl_ms: Some(ttl_ms),
        ..Header::plain(
            MessageId {
                origin: Code::parse("510722.101").unwrap(),
                epoch: Epoch::from_random(1),
                lane: Lane::Flash,
                sequence: 3,
            },
            Kind::parse(kind).unwrap(),
            Selector::up(),
            0,
        )
    };
    HeldLeg {
        sequence: 1,
        chain: Chain::default(),
        envelope: Envelope::make(header, body.to_string().as_bytes()).unwrap().bytes().clone(),
        age_ms,
        age_unknown: false,
        hops: 1,
        late: false,
        own: false,
        under: None,
        boot: BOOT,
        taken_boot_ms: clock::now().boot_ms(),
    }
}

fn open_gate() -> Value {
    json!({ "device_id": "34020000001320000001", "command": "open", "params": { "speed": 2 } })
}

/// A station's bus, and the connections of the node and of an adapter to it.
struct Ground {
    bus: OwnBus,
    node: Client,
    adapter: Client,
    here: Code,
    catalogue: InForce,
    sessions: Sessions,
    directory: TempDir,
}

const TREE: &str = "[county]\nname = \"三台县\"\ntiers = [\"county\", \"township\"]\n\
    [[station]]\ncode = \"510722\"\nname = \"三台县\"\n\
    [[station]]\ncode = \"510722.101\"\nname = \"潼川镇\"\nformerly = [\"510722.109\"]\n";

impl Ground {
    async fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let here = Code::parse("510722.101").unwrap();
        let plan = ManagedPlan {
            station: here.clone(),
            directory: directory.path().join("bus"),
            listen: Listen::parse("127.0.0.1:0").unwrap(),
            server_path: None,
            children: vec![],
            applications: vec![],
            open: true,
            inbox_bytes_max: 1024 * 1024,
            connections_max: 1024,
            patience: Patience::default(),
            tls: None,
        };
        let bus = OwnBus::managed(plan).await.unwrap();
        let node = bus.app(&here).await.unwrap();
        let adapter = Client::dial(Dial::open(bus.url(), "an adapter")).await.unwrap();
        node.ready(SOON).await.unwrap();
        adapter.ready(SOON).await.unwrap();
        let (catalogue, sessions) = (InForce::default(), Sessions::default());
        Self { bus, node, adapter, here, catalogue, sessions, directory }
    }

    /// The same at a station with these rows in its catalogue.
    fn at(mut self, here: &str, rows: &str) -> Self {
        let head = "id,name,kind,network,jurisdiction,hangs_under\n";
        let file = self.directory.path().join("catalogue.csv");
        std::fs::write(&file, [head, rows].concat()).unwrap();
        self.catalogue = Shelf::open(Some(file), 100).unwrap().in_force();
        self.here = Code::parse(here).unwrap();
        self
    }

    /// An adapter that hears requests to cameras, or to loudspeakers, from now on.
    async fn adapter(&self, of: &str) -> Subscription {
        let requests = self.adapter.subscribe(&format!("yz.{of}.*")).await.unwrap();
        self.adapter.settled(SOON).await.unwrap();
        requests
    }

    /// Has the adapter say that it did what it is asked next, and says what that was.
    async fn does(&self, requests: &mut Subscription) -> Value {
        let request = tokio::time::timeout(SOON, requests.next()).await.unwrap().unwrap();
        let reply = Bytes::from_static(br#"{"ok":true,"result":{"url":"rtsp://x"}}"#);
        self.adapter.answer(&request, reply).await.unwrap();
        serde_json::from_slice(&request.payload).unwrap()
    }

    /// What the core is told of an attempt at a leg.
    async fn attempted(&self, leg: Option<HeldLeg>) -> Input {
        let (mailbox, mut letters) = mailbox::open();
        let adapters = Adapters {
            client: self.node.clone(),
            legs: Arc::new(OneLeg(leg)),
            mailbox,
            here: self.here.clone(),
            topology: Arc::new(Topology::read("tree.toml", TREE).unwrap()),
            catalogue: self.catalogue.clone(),
            sessions: self.sessions.clone(),
            audit: Audit::none(),
        };
        let (queue, orders) = mpsc::channel(1);
        let clock = Arc::new(BootClock::of(BOOT));
        queue.send(AttemptOrder { lane: Lane::Flash, leg: 1, clock }).await.unwrap();
        let running = tokio::spawn(adapters.run(orders));
        let letter = tokio::time::timeout(SOON, letters.recv()).await.unwrap();
        running.abort();
        match letter {
            Some(Letter::Input(input)) => input,
            other => panic!("{other:?}"),
        }
    }

    async fn result(&self, leg: HeldLeg) -> Attempted {
        match self.attempted(Some(leg)).await {
            Input::Attempted { lane: Lane::Flash, leg: 1, id, result } => {
                assert_eq!(id.sequence, 3);
                result
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_command_reaches_the_adapter_with_the_time_that_it_is_good_for() {
    let ground = Ground::new().await;
    let mut requests = ground.adapter("video").await;
    let answering = async {
        let request = requests.next().await.unwrap();
        assert_eq!(request.subject, "yz.video.34020000001320000001");
        let asked: Value = serde_json::from_slice(&request.payload).unwrap();
        assert_eq!((&asked["command"], &asked["params"]["speed"]), (&json!("open"), &json!(2)));
        assert!(asked["id"].as_str().unwrap().starts_with("510722.101-"));
        let deadline_ms = asked["deadline_ms"].as_u64().unwrap();
        assert!((20_000..=25_000).contains(&deadline_ms), "{deadline_ms}");
        let reply = Bytes::from_static(br#"{"ok":true,"result":{"url":"rtsp://x"}}"#);
        ground.adapter.answer(&request, reply).await.unwrap();
    };
    let asking = ground.result(leg("video.dispatch", &open_gate(), 30_000, 5_000));
    let (result, ()) = tokio::join!(asking, answering);
    let Attempted::Done(Some(said)) = result else { panic!("{result:?}") };
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["url"], "rtsp://x");
    assert!(said["session"].as_str().unwrap().starts_with("510722.101-"), "{said}");
    ground.bus.stop().await;
}

#[tokio::test]
async fn a_command_that_is_too_old_or_none_is_not_sent() {
    let ground = Ground::new().await;
    let mut requests = ground.adapter("video").await;
    let too_old = ground.result(leg("video.dispatch", &open_gate(), 30_000, 30_000)).await;
    assert_eq!(too_old, Attempted::Expired);
    let mut unknown = leg("video.dispatch", &open_gate(), 30_000, 0);
    unknown.boot = BootId(8);
    assert_eq!(ground.result(unknown).await, Attempted::Expired, "nobody knows its age");
    for body in [
        json!({ "command": "open" }),
        json!({ "device_id": "34020000002000000001", "command": "open" }),
    ] {
        let unfit = ground.result(leg("video.dispatch", &body, 30_000, 0)).await;
        assert!(matches!(unfit, Attempted::Unfit(_)), "{body}: {unfit:?}");
    }
    let other = ground.result(leg("case.open", &open_gate(), 30_000, 0)).await;
    assert!(matches!(other, Attempted::Unfit(_)), "{other:?}");
    let given_up = ground.attempted(None).await;
    assert!(matches!(given_up, Input::Unreadable { link: Link::Adapter, from: 1, .. }));
    // only this one arrives
    let last = json!({ "device_id": "34020000001320000002", "command": "stop" });
    let silence = ground.result(leg("video.dispatch", &last, 300, 0)).await;
    assert_eq!(silence, Attempted::Unknown, "asked and not answered");
    assert_eq!(requests.next().await.unwrap().subject, "yz.video.34020000001320000002");
    ground.bus.stop().await;
}

#[tokio::test]
async fn where_nobody_answers_for_the_device_that_is_said_at_once() {
    let ground = Ground::new().await;
    let result = ground.result(leg("video.dispatch", &open_gate(), 300_000, 0)).await;
    assert_eq!(result, Attempted::NoAdapter);
    ground.bus.stop().await;
}

/// The same message of another station.
fn by(origin: &str, mut leg: HeldLeg) -> HeldLeg {
    let envelope = Envelope::read(leg.envelope).unwrap();
    let header = Header { origin: Code::parse(origin).unwrap(), ..envelope.header().clone() };
    leg.envelope = Envelope::make(header, envelope.payload()).unwrap().bytes().clone();
    leg
}

/// The command of a station to the gate, as it ends at the county, where the gate hangs.
async fn at_county(ground: &Ground, origin: &str) -> Attempted {
    ground.result(by(origin, leg("video.dispatch", &open_gate(), 30_000, 0))).await
}

#[tokio::test]
async fn a_device_that_hangs_at_the_county_obeys_those_whose_area_it_is_in_and_no_others() {
    let gate = "34020000001320000001,东门,camera,天网,510722.101.002,510722\n";
    let ground = Ground::new().await.at("510722", gate);
    // nobody answers for the device, so who may command it gets as far as that
    for origin in ["510722", "510722.101", "510722.101.002", "510722.109"] {
        assert_eq!(at_county(&ground, origin).await, Attempted::NoAdapter, "{origin}");
    }
    for origin in ["510722.101.003", "510722.102"] {
        let denied = at_county(&ground, origin).await;
        let Attempted::Forbidden(why) = denied else { panic!("{origin}: {denied:?}") };
        assert!(why.contains("belongs to 510722.101.002") && why.contains(origin), "{why}");
    }
    let elsewhere = gate.replace(",510722\n", ",510722.101\n");
    let horn = gate.replace("camera", "loudspeaker");
    let mut ground = ground;
    for (rows, says) in [("", "no such device"), (&horn, "no such device"), (&elsewhere, "hangs")] {
        ground = ground.at("510722", rows);
        let denied = at_county(&ground, "510722").await;
        let Attempted::NoSuchDevice(why) = denied else { panic!("{rows}: {denied:?}") };
        assert!(why.contains(says), "{why}");
    }
    // without a catalogue, what is from below is not obeyed
    ground.catalogue = InForce::default();
    let denied = at_county(&ground, "510722.101").await;
    assert!(matches!(&denied, Attempted::Forbidden(why) if why.contains("no catalogue")));
    assert_eq!(at_county(&ground, "510722").await, Attempted::NoAdapter);
    ground.bus.stop().await;
}

fn gate(command: &str, params: &Value) -> HeldLeg {
    let device = "34020000001320000001";
    let body = json!({ "device_id": device, "command": command, "params": params });
    leg("video.dispatch", &body, 30_000, 0)
}

#[tokio::test]
async fn what_a_station_opened_is_its_own_to_stop() {
    let ground = Ground::new().await;
    let mut requests = ground.adapter("video").await;
    let opening = ground.result(gate("open", &json!({})));
    let (opened, asked) = tokio::join!(opening, ground.does(&mut requests));
    assert!(matches!(opened, Attempted::Done(_)), "{opened:?}");
    let session = asked["params"]["session"].clone();
    assert_eq!((&session, &asked["params"]["session_s"]), (&asked["id"], &json!(300)));
    // the county may command the gate, but not end what the township looks at
    let foreign = by("510722", gate("stop", &json!({ "session": session })));
    let denied = ground.result(foreign).await;
    assert!(matches!(&denied, Attempted::Forbidden(why) if why.contains("510722.101")));
    for (names, wanted) in [("its own", session), ("none any more", Value::Null)] {
        let stopping = ground.result(gate("stop", &json!({})));
        let (stopped, asked) = tokio::join!(stopping, ground.does(&mut requests));
        assert!(matches!(stopped, Attempted::Done(_)), "{stopped:?}");
        assert_eq!((&asked["command"], &asked["params"]["session"]), (&json!("stop"), &wanted));
        assert_eq!(ground.sessions.of(&ground.here, &gate_id()), [], "{names}");
    }
    ground.bus.stop().await;
}

fn gate_id() -> yizhan_schemas::payload::video::DeviceId {
    yizhan_schemas::payload::video::DeviceId::parse("34020000001320000001").unwrap()
}

#[tokio::test]
async fn a_session_that_nobody_stops_is_stopped_when_its_time_is_over() {
    let ground = Ground::new().await;
    // what was not opened leaves nothing behind
    let nobody = ground.result(gate("open", &json!({}))).await;
    assert_eq!(nobody, Attempted::NoAdapter);
    assert_eq!(ground.sessions.of(&ground.here, &gate_id()), []);
    let mut requests = ground.adapter("video").await;
    let opening = ground.result(gate("open", &json!({ "session_s": 1 })));
    let (opened, asked) = tokio::join!(opening, ground.does(&mut requests));
    assert!(matches!(opened, Attempted::Done(_)), "{opened:?}");
    let keeping = tokio::spawn(ground.sessions.clone().keep(ground.node.clone(), BTreeSet::new));
    let stopped = ground.does(&mut requests).await;
    assert_eq!(stopped["command"], "stop");
    assert_eq!(stopped["params"], json!({ "session": asked["id"], "reason": "expired" }));
    assert_eq!(ground.sessions.of(&ground.here, &gate_id()), []);
    keeping.abort();
    ground.bus.stop().await;
}

#[tokio::test]
async fn every_loudspeaker_that_obeys_the_origin_is_asked_once() {
    let rows = "horn-1,村口,loudspeaker,应急广播,510722.101,\n\
        horn-2,广场,loudspeaker,应急广播,510722.101,\n\
        horn-3,县属,loudspeaker,应急广播,510722,510722.101\n\
        horn-4,别处,loudspeaker,应急广播,510722.101,510722\n";
    let ground = Ground::new().await.at("510722.101", rows);
    let mut requests = ground.adapter("broadcast").await;
    let body = json!({ "title": "转移", "text": "立即转移", "status": "Exercise" });
    let answering = async {
        let mut asked = Vec::new();
        while asked.len() < 2 {
            let request = requests.next().await.unwrap();
            let reply: &[u8] = match &*request.subject {
                "yz.broadcast.horn-1" => br#"{"ok":true}"#,
                _ => br#"{"ok":false,"code":"failed","error":"no current"}"#,
            };
            ground.adapter.answer(&request, Bytes::from_static(reply)).await.unwrap();
            let play: Value = serde_json::from_slice(&request.payload).unwrap();
            assert_eq!(play["broadcast"]["status"], "Exercise", "an exercise is known as one");
            assert_eq!(play["broadcast"]["text"], "立即转移");
            asked.push(request.subject.to_string());
        }
        asked.sort();
        asked
    };
    let (result, asked) = tokio::join!(
        ground.result(leg("broadcast.issue", &body, 60_000, 0)),
        tokio::time::timeout(SOON, answering)
    );
    assert_eq!(asked.unwrap(), ["yz.broadcast.horn-1", "yz.broadcast.horn-2"]);
    let why = "1/2 loudspeakers did it; not horn-2 (failed: no current)";
    assert_eq!(result, Attempted::Failed(why.to_owned()));
    ground.bus.stop().await;
}
