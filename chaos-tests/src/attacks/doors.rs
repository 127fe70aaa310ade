//! Who stands at a door and has not the key to it: no TLS, no certificate, one that is over, a key
//! of another station or one that was revoked.

use std::fs;

use async_nats::ConnectOptions;
use rcgen::{CertificateParams, Issuer, KeyPair};
use serde_json::json;
use time::{Duration as Span, OffsetDateTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::attack::{Attack, Ended};
use super::ground::{COUNTY, CROOK, Ground, THIEF, TOWN};
use super::raw_bus::RawBus;
use crate::real::publisher::{Event, post};
use crate::real::until::{SOON, until};

const LOGIN: (&str, &str) = ("yizhan_bus_refused_total", "reason=\"auth\"");
const TLS: (&str, &str) = ("yizhan_bus_refused_total", "reason=\"tls\"");

/// All of them.
pub const ATTACKS: [Attack; 6] = [
    Attack {
        name: "a village logs in at the county",
        heavy: false,
        at: COUNTY,
        metric: Some(LOGIN),
        audit: Some(&["refused", "auth"]),
        play: |ground| Box::pin(elsewhere(ground)),
    },
    Attack {
        name: "a key that nobody knows",
        heavy: false,
        at: TOWN,
        metric: Some(LOGIN),
        audit: Some(&["refused", "auth"]),
        play: |ground| Box::pin(unknown(ground)),
    },
    Attack {
        name: "a client without a certificate",
        heavy: false,
        at: TOWN,
        metric: Some(TLS),
        audit: Some(&["refused", "tls"]),
        play: |ground| Box::pin(bare(ground)),
    },
    Attack {
        name: "a certificate that is over",
        heavy: false,
        at: TOWN,
        metric: Some(TLS),
        audit: Some(&["refused", "tls"]),
        play: |ground| Box::pin(expired(ground)),
    },
    Attack {
        name: "plain words at a bus under TLS",
        heavy: false,
        at: TOWN,
        metric: Some(TLS),
        audit: Some(&["refused", "tls"]),
        play: |ground| Box::pin(plain_at_the_bus(ground)),
    },
    Attack {
        name: "plain words at HTTP under TLS",
        heavy: false,
        at: TOWN,
        metric: Some(("yizhan_tls_handshakes_failed_total", "")),
        audit: Some(&["refused", "tls"]),
        play: |ground| Box::pin(plain_at_http(ground)),
    },
];

/// What can be tried only once, as nobody takes it back: after all others.
pub const LAST: [Attack; 1] = [Attack {
    name: "a key that was revoked",
    heavy: false,
    at: TOWN,
    metric: Some(LOGIN),
    audit: Some(&["refused", "auth"]),
    play: |ground| Box::pin(revoked(ground)),
}];

/// The server's word for whoever has not the right key.
fn is_unauthorised(what: &str, came: Result<RawBus, String>) -> Result<(), String> {
    match came {
        Err(why) if why.contains("authorization violation") => Ok(()),
        Err(why) => Err(format!("{what}: another refusal than it must be: {why}")),
        Ok(_) => Err(format!("{what} is let in")),
    }
}

async fn elsewhere(ground: &Ground) -> Ended {
    let thief = RawBus::at(ground, COUNTY, ground.county.holder_of(THIEF)).await;
    is_unauthorised("a village's key at the county", thief)?;
    // and whose place it is, is let in
    RawBus::at(ground, COUNTY, ground.county.holder_of(CROOK)).await?;
    Ok("bus: login".to_owned())
}

/// The options of somebody with this certificate, or none, and with this seed.
fn comes_with(ground: &Ground, seed: String, paths: Option<[&str; 2]>) -> ConnectOptions {
    let home = ground.county.home(THIEF);
    let options = ConnectOptions::with_nkey(seed).require_tls(true);
    let options = options.add_root_certificates(home.join("tls/ca.crt"));
    match paths {
        Some([cert, key]) => options.add_client_certificate(home.join(cert), home.join(key)),
        None => options,
    }
}

async fn unknown(ground: &Ground) -> Ended {
    let own = nkeys::KeyPair::new_user().seed().map_err(|why| why.to_string())?;
    let certificate = Some(["tls/station.crt", "tls/station.key"]);
    let came = RawBus::at(ground, TOWN, comes_with(ground, own, certificate)).await;
    is_unauthorised("a key that nobody knows", came)?;
    Ok("bus: login".to_owned())
}

/// The root revokes the thief's key while everything runs; the bus of its parent obeys.
async fn revoked(ground: &Ground) -> Ended {
    let comes = async || RawBus::at(ground, TOWN, ground.county.holder_of(THIEF)).await;
    comes().await.map_err(|why| format!("not let in before: {why}"))?;
    let pair = nkeys::KeyPair::from_seed(&ground.seed(THIEF)).map_err(|why| why.to_string())?;
    let revoked =
        json!({"key": pair.public_key(), "at": "2026-11-26T08:00:00+08:00", "why": "stolen"});
    let change =
        Event::new("policy.set", &json!({ "revoked": [revoked] })).with("Yz-To", "510722.>");
    let (status, answer) = post(ground.station(COUNTY), &change, "revoked").await;
    if status != 202 {
        return Err(format!("the change of keys is answered with {status}: {answer}"));
    }
    let refused = until(SOON, "the thief is turned away", || async {
        comes().await.err().filter(|why| why.contains("authorization violation"))
    });
    refused.await;
    Ok("bus: login".to_owned())
}

async fn bare(ground: &Ground) -> Ended {
    let options = comes_with(ground, ground.seed(THIEF), None);
    match RawBus::at(ground, TOWN, options).await {
        Err(_) => Ok("bus: TLS".to_owned()),
        Ok(_) => Err("let in without a certificate".to_owned()),
    }
}

/// A certificate for the thief, of the county's own authority, good for a day until `ends`.
fn certificate(ground: &Ground, name: &str, ends: OffsetDateTime) -> [String; 2] {
    let keys = ground.county.topology_file().with_file_name("keys");
    let read = |file: &str| fs::read_to_string(keys.join(file)).expect("the authority");
    let authority = KeyPair::from_pem(&read("ca.key")).expect("its key");
    let issuer = Issuer::from_ca_cert_pem(&read("ca.crt"), authority).expect("its certificate");
    let mut wanted = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    wanted.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    (wanted.not_before, wanted.not_after) = (ends - Span::days(2), ends);
    let key = KeyPair::generate().expect("a key");
    let made = wanted.signed_by(&key, &issuer).expect("a certificate");
    let paths = ["crt", "key"].map(|end| format!("tls/{name}.{end}"));
    let home = ground.county.home(THIEF);
    for (path, text) in paths.iter().zip([made.pem(), key.serialize_pem()]) {
        fs::write(home.join(path), text).expect("a file");
    }
    paths
}

async fn expired(ground: &Ground) -> Ended {
    let now = OffsetDateTime::now_utc();
    let comes = async |name: &str, ends| {
        let [cert, key] = certificate(ground, name, ends);
        let options = comes_with(ground, ground.seed(THIEF), Some([&cert, &key]));
        RawBus::at(ground, TOWN, options).await
    };
    // the same, not yet over, is let in: it is the date that is refused, and nothing else
    comes("good", now + Span::days(1)).await?;
    match comes("over", now - Span::minutes(1)).await {
        Err(_) => Ok("bus: TLS".to_owned()),
        Ok(_) => Err("let in with a certificate that is over".to_owned()),
    }
}

/// Says it and reads until the other end closes, or has said enough.
async fn says(address: &str, words: &[u8]) -> Result<Vec<u8>, String> {
    let mut socket = TcpStream::connect(address).await.map_err(|why| why.to_string())?;
    // a reset is an answer too
    let _ = socket.write_all(words).await;
    let mut said = Vec::new();
    let reading = socket.read_to_end(&mut said);
    let _ = tokio::time::timeout(std::time::Duration::from_secs(30), reading).await;
    Ok(said)
}

async fn plain_at_the_bus(ground: &Ground) -> Ended {
    let bus = ground.station(TOWN).bus.clone();
    let address = bus.strip_prefix("tls://").ok_or("the bus is not under TLS")?;
    let said = says(address, b"CONNECT {\"verbose\":true}\r\nPING\r\nSUB > 1\r\n").await?;
    let said = String::from_utf8_lossy(&said).into_owned();
    match said.contains("PONG") || said.contains("+OK") {
        false if said.starts_with("INFO") => Ok("bus: TLS".to_owned()),
        false => Err(format!("no bus answered: {said:?}")),
        true => Err("the bus talks without TLS".to_owned()),
    }
}

async fn plain_at_http(ground: &Ground) -> Ended {
    let url = ground.station(TOWN).url().ok_or("no URL of the township")?;
    let address = url.strip_prefix("https://").ok_or("HTTP is not under TLS")?;
    let said = says(address, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
    match String::from_utf8_lossy(&said).contains("HTTP/1.1") {
        false => Ok("http: TLS".to_owned()),
        true => Err("HTTP talks without TLS".to_owned()),
    }
}
