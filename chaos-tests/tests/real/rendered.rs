//! Stations started from nothing but what `yizhan topology render` wrote for them: TLS on every
//! listener, a certificate from every client of a bus, and systemd told how it is.

use std::fs;
use std::os::unix::net::UnixDatagram;

use async_nats::jetstream::{self, consumer::pull};
use async_nats::{Client, ConnectOptions};
use futures::TryStreamExt;
use reqwest::tls::TlsInfo;
use rustix::process::Signal;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use chaos_tests::real::place::Place;
use chaos_tests::real::publisher::{Event, accepted, publish};
use chaos_tests::real::rendered::{Applicant, Rendered};
use chaos_tests::real::station::signal;
use chaos_tests::real::until::{SOON, until};

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";
const VILLAGE: &str = "510722.101.002";
const TEN: [&str; 10] = [
    COUNTY,
    TOWN,
    "510722.104",
    "510722.119",
    VILLAGE,
    "510722.101.003",
    "510722.104.003",
    "510722.104.004",
    "510722.119.003",
    "510722.119.004",
];
const GRID: Applicant = (VILLAGE, "grid", "[\"publisher\"]");
const DESK: Applicant = (COUNTY, "desk", "[\"subscriber\"]");

async fn connect(county: &Rendered, (code, name, _): Applicant) -> Client {
    let options = county.application(code, name);
    options.connect(&county.station(code).bus).await.unwrap()
}

/// Reads the inbox until the message is there.
async fn arrives(desk: &Client, id: &str) {
    let context = jetstream::new(desk.clone());
    let stream = context.get_stream("YZ_INBOX").await.unwrap();
    let config = pull::Config { durable_name: Some("desk".to_owned()), ..Default::default() };
    let consumer = stream.create_consumer(config).await.unwrap();
    let mut messages = consumer.messages().await.unwrap();
    let found = async {
        while let Some(message) = messages.try_next().await.unwrap() {
            message.ack().await.unwrap();
            let headers = message.headers.as_ref().unwrap();
            if headers.get("Yz-Id").is_some_and(|found| found.as_str() == id) {
                return;
            }
        }
    };
    tokio::time::timeout(SOON, found).await.expect("the report arrives");
}

pub(crate) async fn online(station: &Place) -> Option<usize> {
    let page = station.http.get(format!("{}/v1/stations", station.url()?)).send().await.ok()?;
    let page: Value = page.json().await.ok()?;
    let stations = page["stations"].as_array()?;
    Some(stations.iter().filter(|one| one["online"] == true).count())
}

#[tokio::test]
async fn ten_stations_from_their_directories_form_a_tree_and_a_report_reaches_the_county() {
    // 496 kits, of which ten are taken to their boxes
    let county = Rendered::start_of_santai(&TEN, &[GRID, DESK]).await;
    assert_eq!(fs::read_dir(county.kit("")).unwrap().count(), 496);
    let top = county.station(COUNTY);
    until(SOON, "ten stations online", || async {
        online(top).await.filter(|count| *count == TEN.len())
    })
    .await;
    let (grid, desk) = (connect(&county, GRID).await, connect(&county, DESK).await);
    let id = accepted(&publish(&grid, &Event::report(1)).await);
    arrives(&desk, &id).await;
    assert!(top.url().unwrap().starts_with("https://"));
    for station in county.stations.values() {
        let log = station.log_text();
        assert!(!log.contains("PRIVATE KEY") && !log.contains("\"SU"), "{log}");
        refuses_plain_words(station).await;
    }
}

/// Neither the bus nor HTTP answers whoever comes without TLS.
async fn refuses_plain_words(station: &Place) {
    let address = station.bus.strip_prefix("tls://").unwrap();
    let mut bus = BufReader::new(TcpStream::connect(address).await.unwrap());
    let mut info = String::new();
    bus.read_line(&mut info).await.unwrap();
    assert!(
        info.contains("\"tls_required\":true") && info.contains("\"tls_verify\":true"),
        "{info}"
    );
    bus.write_all(b"CONNECT {\"verbose\":false}\r\nPING\r\n").await.unwrap();
    let mut said = Vec::new();
    // a reset is an answer too
    let _ = bus.read_to_end(&mut said).await;
    assert!(!String::from_utf8_lossy(&said).contains("PONG"), "{said:?}");
    let url = station.url().unwrap().replace("https://", "http://");
    assert!(station.http.get(format!("{url}/healthz")).send().await.is_err());
}

#[tokio::test]
async fn a_client_without_a_certificate_of_the_county_or_without_a_key_is_not_let_in() {
    let county = Rendered::start(&[COUNTY], &[DESK]).await;
    let station = county.station(COUNTY);
    let (ca, bus) = (station.dir.join("tls/ca.crt"), &station.bus);
    let bare = || ConnectOptions::new().require_tls(true).add_root_certificates(ca.clone());
    assert!(bare().connect(bus).await.is_err(), "no certificate, no key");
    let seed = fs::read_to_string(station.dir.join("keys/apps/desk.nk")).unwrap();
    let keyed = || ConnectOptions::with_nkey(seed.trim().to_owned()).require_tls(true);
    let no_certificate = keyed().add_root_certificates(ca.clone());
    assert!(no_certificate.connect(bus).await.is_err(), "no certificate");
    let apps = station.dir.join("keys/apps");
    let (cert, key) = (apps.join("desk.crt"), apps.join("desk.key"));
    let no_key = bare().add_client_certificate(cert.clone(), key.clone());
    let refused = no_key.connect(bus).await.unwrap_err().to_string();
    assert!(refused.contains("authorization violation"), "{refused}");
    // another county's authority has signed it
    let other = Rendered::laid_out(&[COUNTY], &[DESK]);
    let apps = other.station(COUNTY).dir.join("keys/apps");
    let foreign = keyed().add_root_certificates(ca.clone());
    let foreign = foreign.add_client_certificate(apps.join("desk.crt"), apps.join("desk.key"));
    assert!(foreign.connect(bus).await.is_err(), "a certificate of another county");
    assert!(county.application(COUNTY, "desk").connect(bus).await.is_ok());
}

/// The certificate that HTTP shows to a new connection.
async fn shown(county: &Rendered) -> Option<Vec<u8>> {
    let station = county.station(COUNTY);
    let client = chaos_tests::real::rendered::https(&station.dir);
    let page = client.get(format!("{}/healthz", station.url()?)).send().await.ok()?;
    page.extensions().get::<TlsInfo>()?.peer_certificate().map(<[u8]>::to_vec)
}

#[tokio::test]
async fn a_new_certificate_comes_into_force_without_a_restart_and_a_bad_one_does_not() {
    let county = Rendered::start(&[COUNTY], &[DESK]).await;
    let station = county.station(COUNTY);
    let (first, pid) = (shown(&county).await.unwrap(), station.bus_pid().unwrap());
    fs::remove_file(county.kit(COUNTY).join("tls/station.crt")).unwrap();
    county.render();
    county.copy(COUNTY);
    signal(station.pid().unwrap(), Signal::HUP);
    until(SOON, "another certificate", || async {
        shown(&county).await.filter(|now| *now != first)
    })
    .await;
    let log = station.data().join("bus/nats-server.log");
    until(SOON, "the bus reads it too", || async {
        fs::read_to_string(&log).unwrap().contains("Reloaded: tls").then_some(())
    })
    .await;
    let second = shown(&county).await.unwrap();
    fs::write(station.dir.join("tls/station.crt"), "no certificate").unwrap();
    signal(station.pid().unwrap(), Signal::HUP);
    until(SOON, "the bad one is refused", || async {
        let count = station.metric("yizhan_tls_renewals_total", "refused").await?;
        (count == 1.0).then_some(())
    })
    .await;
    assert_eq!(shown(&county).await.unwrap(), second);
    assert!(station.log_text().contains("tls.cert = "), "{}", station.log_tail());
    assert_eq!(station.bus_pid(), Some(pid), "the bus ran on");
    assert!(county.application(COUNTY, "desk").connect(&station.bus).await.is_ok());
}

#[tokio::test]
async fn systemd_hears_that_a_station_is_ready_that_its_loop_turns_and_that_it_stops() {
    let mut county = Rendered::laid_out(&[COUNTY], &[]);
    let station = county.station_mut(COUNTY);
    let path = station.dir.join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    station.set_env("NOTIFY_SOCKET", path);
    station.set_env("WATCHDOG_USEC", "8000000");
    station.start();
    let ended = {
        let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length) = socket.recv(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                if sender.send(text).is_err() {
                    return;
                }
            }
        });
        let mut hears = async |what: &str| {
            let found = async {
                while let Some(text) = heard.recv().await {
                    if text.contains(what) {
                        return;
                    }
                }
            };
            let found = tokio::time::timeout(SOON, found).await;
            found.unwrap_or_else(|_| panic!("systemd does not hear {what}"));
        };
        hears("READY=1").await;
        hears("STATUS=510722 ready").await;
        // twice: the second one came from a later turn
        hears("WATCHDOG=1").await;
        hears("WATCHDOG=1").await;
        let ended = station.terminate();
        let (ended, ()) = tokio::join!(ended, hears("STOPPING=1"));
        ended
    };
    assert!(ended.success());
}
