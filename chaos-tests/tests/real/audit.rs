//! Who is refused something is counted and written down, and what is written down cannot be
//! changed unseen.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use reqwest::StatusCode;
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use chaos_tests::real::county::{County, Plan};
use chaos_tests::real::place::Place;
use chaos_tests::real::programs;
use chaos_tests::real::publisher::{Event, accepted, connect, post, publish};
use chaos_tests::real::rendered::{Applicant, Rendered};
use chaos_tests::real::until::{SOON, until};

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";
const GRID: Applicant = (COUNTY, "grid", "[\"publisher\"]");
/// A line is on disk a second after the deed, and many alike are one line after ten.
const HALL: &str = "0123456789abcdef-hall";

/// `yizhan audit …` of a station.
fn audit(place: &Place, args: &[&str]) -> Output {
    let mut command = Command::new(programs::yizhan());
    command.arg("--lang").arg("en").arg("audit").args(args).arg("--data").arg(place.data());
    command.output().expect("the binary starts")
}

fn verify(place: &Place) -> (bool, String) {
    let done = audit(place, &["verify"]);
    (done.status.success(), String::from_utf8_lossy(&done.stdout).into_owned())
}

/// The lines of an event.
fn lines(place: &Place, event: &str) -> Vec<Value> {
    let done = audit(place, &["show", "--json", "--event", event, "--limit", "10000"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).expect("JSON")
}

/// Waits for a line of an event about which this is so.
async fn line(place: &Place, event: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let what = format!("a line {event} of {}", place.code);
    until(SOON, what, || async { lines(place, event).into_iter().find(&wanted) }).await
}

/// The only file.
fn volume(place: &Place) -> PathBuf {
    let dir = place.data().join("audit");
    let mut files = dir.read_dir().unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.extension().is_some_and(|end| end == "jsonl")).unwrap()
}

async fn with_a_token() -> County {
    for _ in 0..5 {
        let mut county = Plan::of(&[COUNTY]).laid_out();
        let file = county.station(COUNTY).dir.join("yizhan.toml");
        let token =
            format!("tokens = [{{ name = \"hall\", role = \"reader\", token = \"{HALL}\" }}]");
        let settings = fs::read_to_string(&file).unwrap() + &token + "\n";
        fs::write(&file, settings).unwrap();
        county.station_mut(COUNTY).start();
        if county.station_mut(COUNTY).up().await.is_ok() {
            return county;
        }
    }
    panic!("ports were taken five times in a row");
}

#[tokio::test]
async fn a_thousand_wrong_tokens_are_refused_counted_and_a_few_lines_and_the_right_one_works() {
    let county = with_a_token().await;
    let place = county.station(COUNTY);
    let ask = async |token: &str| {
        let request = place.http.get(format!("{}/v1/stations", place.url().unwrap()));
        request.bearer_auth(token).send().await.unwrap()
    };
    let (mut unauthorized, mut limited) = (0, 0);
    for n in 0..1_000 {
        let answer = ask(&format!("guess-{n:016}")).await;
        match answer.status() {
            StatusCode::UNAUTHORIZED => unauthorized += 1,
            StatusCode::TOO_MANY_REQUESTS => {
                assert!(answer.headers().contains_key("retry-after"));
                let problem: Value = answer.json().await.unwrap();
                assert_eq!(problem["code"], "rate_limited");
                limited += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert!((10..100).contains(&unauthorized), "{unauthorized} of 1000 answered with 401");
    assert_eq!(unauthorized + limited, 1_000);
    assert_eq!(ask(HALL).await.status(), StatusCode::OK, "the right one is still taken");
    let refused = place.metric("yizhan_http_refused_total", "code=\"rate_limited\"").await;
    assert_eq!(refused, Some(f64::from(limited)));
    let first =
        line(place, "http_refused", |line| line["detail"].to_string().contains("unauth")).await;
    assert_eq!((&first["who"], &first["what"]), (&"127.0.0.1".into(), &"GET /v1/stations".into()));
    let many = line(place, "http_refused", |line| line["count"].as_u64() > Some(100)).await;
    assert!(many["detail"].as_str().unwrap().starts_with("rate_limited"), "{many}");
    assert!(lines(place, "http_refused").len() < 30);
    let log = fs::read_to_string(volume(place)).unwrap();
    assert!(!log.contains("guess-") && !log.contains(HALL), "no token is in it");
    // a reader may not publish, and is known by name
    let request = place.http.post(format!("{}/v1/events", place.url().unwrap()));
    assert_eq!(request.bearer_auth(HALL).send().await.unwrap().status(), StatusCode::FORBIDDEN);
    line(place, "http_refused", |line| line["who"] == "hall").await;
}

#[tokio::test]
async fn what_the_bus_refuses_somebody_is_counted_and_written_down_with_their_name() {
    let county = Rendered::start(&[COUNTY], &[GRID]).await;
    let place = county.station(COUNTY);
    let options = county.application(COUNTY, "grid").name("a \"name\"\n[ERR] of its own");
    let grid = options.connect(&place.bus).await.unwrap();
    grid.publish("yz.down.510722.101", "forged".into()).await.unwrap();
    let _all = grid.subscribe(">").await.unwrap();
    let reason = |wanted: &'static str| {
        move |line: &Value| line["detail"].as_str().unwrap().starts_with(wanted)
    };
    let refused = line(place, "bus_refused", reason("publish")).await;
    assert_eq!(refused["who"], "grid@510722");
    assert_eq!(
        (&refused["what"], &refused["outcome"]),
        (&"yz.down.510722.101".into(), &"refused".into())
    );
    let refused = line(place, "bus_refused", reason("subscribe")).await;
    assert_eq!((&refused["who"], &refused["what"]), (&"grid@510722".into(), &">".into()));
    // a key that nobody has
    let stranger = nkeys_of_a_stranger();
    let apps = place.dir.join("keys/apps");
    let options = async_nats::ConnectOptions::with_nkey(stranger)
        .require_tls(true)
        .add_root_certificates(place.dir.join("tls/ca.crt"))
        .add_client_certificate(apps.join("grid.crt"), apps.join("grid.key"));
    assert!(options.connect(&place.bus).await.is_err());
    line(place, "bus_refused", reason("auth")).await;
    // no TLS at all, of which the server's log says nothing
    let address = place.bus.strip_prefix("tls://").unwrap();
    let mut plain = tokio::net::TcpStream::connect(address).await.unwrap();
    plain.write_all(b"CONNECT {\"verbose\":false}\r\nPING\r\n").await.unwrap();
    line(place, "bus_refused", |line| line["detail"].to_string().contains("TLS Handshake")).await;
    // no certificate
    let ca = place.dir.join("tls/ca.crt");
    let bare = async_nats::ConnectOptions::new().require_tls(true).add_root_certificates(ca);
    assert!(bare.connect(&place.bus).await.is_err());
    line(place, "bus_refused", reason("tls")).await;
    for reason in ["publish", "subscribe", "auth", "tls"] {
        let label = format!("reason=\"{reason}\"");
        let counted = place.metric("yizhan_bus_refused_total", &label).await;
        assert!(counted >= Some(1.0), "{reason}: {counted:?}");
    }
    assert!(verify(place).0, "{}", verify(place).1);
}

fn nkeys_of_a_stranger() -> String {
    nkeys::KeyPair::new_user().seed().unwrap()
}

#[tokio::test]
async fn who_issued_relayed_and_answered_is_written_down() {
    let county = Plan::of(&[COUNTY, TOWN]).start().await;
    let (top, town) = (county.station(COUNTY), county.station(TOWN));
    let (desk, grid) = (connect(top).await, connect(town).await);
    let order = accepted(&publish(&desk, &Event::directive(1, TOWN)).await);
    let mut reports = Vec::new();
    for n in 0..20 {
        reports.push(accepted(&publish(&grid, &Event::report(n).keyed(&n.to_string())).await));
    }
    let (status, answer) = post(town, &Event::report(99), "99").await;
    assert_eq!(status, 202, "{answer}");
    let issued = line(top, "issued", |line| line["what"] == order.as_str()).await;
    assert_eq!((&issued["who"], &issued["detail"]), (&"demo".into(), &"directive.issue".into()));
    let relayed = line(town, "relayed", |line| line["what"] == order.as_str()).await;
    assert_eq!(relayed["who"], "up");
    let answered = desk_answers(town, &grid, &order).await;
    assert_eq!(answered["who"], "demo");
    let issued = line(town, "issued", |line| line["who"] == "demo" && line["count"] == 20).await;
    assert_eq!(
        (&issued["what"], &issued["first"]),
        (&"incident".into(), &reports[0].as_str().into())
    );
    line(town, "issued", |line| line["who"] == "this machine").await;
    let relayed = line(top, "relayed", |line| line["what"] == "incident").await;
    assert_eq!(relayed["who"], TOWN);
    for place in [top, town] {
        assert_eq!(lines(place, "started").len(), 1);
        assert!(verify(place).0, "{}", verify(place).1);
    }
}

async fn desk_answers(town: &Place, grid: &async_nats::Client, order: &str) -> Value {
    until(SOON, "the order can be answered", || async {
        let body = "{\"status\":\"acknowledged\"}".into();
        let answer = grid.request(format!("yz.ack.{order}"), body).await.ok()?;
        let answer: Value = serde_json::from_slice(&answer.payload).ok()?;
        (answer["ok"] == true).then_some(())
    })
    .await;
    line(town, "answered", |line| line["what"] == order).await
}

#[tokio::test]
async fn what_changed_since_the_last_start_is_written_down_and_secrets_are_not() {
    let mut county = with_a_token().await;
    county.station_mut(COUNTY).terminate().await;
    let dir = county.station(COUNTY).dir.clone();
    let change = |file: &Path, from: &str, to: &str| {
        let text = fs::read_to_string(file).unwrap();
        assert!(text.contains(from));
        fs::write(file, text.replace(from, to)).unwrap();
    };
    let other = "fedcba9876543210-hall";
    change(&dir.join("yizhan.toml"), HALL, other);
    change(&dir.join("yizhan.toml"), "[http]", "[audit]\nretain = \"2y\"\n[http]");
    change(&dir.with_file_name("topology.toml"), "站 510722", "三台县综治中心");
    county.station_mut(COUNTY).start();
    county.station_mut(COUNTY).ready().await;
    let place = county.station(COUNTY);
    line(place, "topology_changed", |_| true).await;
    let changed = lines(place, "config_changed");
    let keys: Vec<_> = changed.iter().map(|line| line["what"].as_str().unwrap()).collect();
    assert_eq!(keys, ["audit.retain", "http.tokens"]);
    assert_eq!(changed[0]["detail"], "now 2y");
    let text = fs::read_to_string(volume(place)).unwrap();
    assert!(!text.contains(HALL) && !text.contains(other));
    assert_eq!((lines(place, "started").len(), lines(place, "stopped").len()), (2, 1));
}

#[tokio::test]
async fn one_flipped_byte_one_deleted_line_and_one_moved_line_are_found() {
    let mut county = Plan::of(&[COUNTY]).start().await;
    let place = Place::clone(county.station(COUNTY));
    let desk = connect(&place).await;
    for n in 0..5 {
        accepted(&publish(&desk, &Event::directive(n, COUNTY)).await);
    }
    county.station_mut(COUNTY).terminate().await;
    let (whole, said) = verify(&place);
    assert!(whole, "{said}");
    assert!(said.contains("signed with U"), "{said}");
    let head = said.lines().find_map(|line| line.strip_prefix("head ")).unwrap().to_owned();
    assert!(audit(&place, &["verify", "--head", &head]).status.success());

    let path = volume(&place);
    let good = fs::read(&path).unwrap();
    let lines: Vec<Vec<u8>> =
        good.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let tried = |bytes: Vec<u8>| {
        fs::write(&path, bytes).unwrap();
        let (whole, said) = verify(&place);
        assert!(!whole, "{said}");
        let json = audit(&place, &["verify", "--json"]);
        assert_eq!(json.status.code(), Some(1));
        let json: Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(json["ok"], false);
        (json["faults"][0]["line"].clone(), said)
    };
    let mut flipped = good.clone();
    flipped[lines[0].len() + lines[1].len() + 30] ^= 4;
    let (line, said) = tried(flipped);
    assert_eq!(line, 3, "{said}");
    let (line, said) = tried([&lines[..3], &lines[4..]].concat().concat());
    assert_eq!((line, said.contains("seq 4 is missing before it")), (4.into(), true), "{said}");
    let mut moved = lines.clone();
    moved.swap(2, 3);
    let (line, said) = tried(moved.concat());
    assert_eq!(line, 3, "{said}");
    assert!(said.contains("stands behind seq 4"), "{said}");
    let (_, said) = tried(lines[..4].concat());
    assert!(said.contains("its end was cut off"), "{said}");
    fs::write(&path, &good).unwrap();
    assert!(verify(&place).0);
}
