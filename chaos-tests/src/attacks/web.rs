//! What is tried at the county's HTTP interface: guessing its token, keeping it busy with nothing,
//! and words that shall become other words further on.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use reqwest::{Certificate, Client, StatusCode};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use super::attack::{Attack, Ended};
use super::ground::{COUNTY, Ground, TOKEN};
use crate::real::place::Place;

/// The attacker's address: another one than everybody else's.
const ATTACKER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 66));
/// Tokens that are guessed.
const GUESSES: usize = 1_000;
/// Connections that say nothing: more than the interface has places.
const IDLERS: usize = 1_100;
/// What others may have to wait for an answer meanwhile.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// An idle connection is closed by then.
const CLOSED_WITHIN: Duration = Duration::from_secs(40);

const REFUSED: &str = "yizhan_http_refused_total";

/// All of them.
pub const ATTACKS: [Attack; 3] = [
    Attack {
        name: "1,000 wrong bearer tokens",
        heavy: false,
        at: COUNTY,
        metric: Some((REFUSED, "rate_limited")),
        audit: Some(&["refused", "127.0.0.66"]),
        play: |ground| Box::pin(guesses(ground)),
    },
    Attack {
        name: "1,100 HTTP connections that say nothing",
        heavy: false,
        at: COUNTY,
        metric: Some(("yizhan_tls_handshakes_failed_total", "")),
        audit: Some(&["refused", "127.0.0.66"]),
        play: |ground| Box::pin(idles(ground)),
    },
    Attack {
        name: "paths and headers that smuggle others",
        heavy: false,
        at: COUNTY,
        metric: Some((REFUSED, "")),
        audit: Some(&["refused", "127.0.0.66"]),
        play: |ground| Box::pin(smuggles(ground)),
    },
];

/// The attacker's client: the same trust in the county's authority, another address.
fn client(place: &Place, from: IpAddr) -> Client {
    let pem = std::fs::read(place.dir.join("tls/ca.crt")).expect("the authority");
    let root = Certificate::from_pem(&pem).expect("a certificate");
    let client = Client::builder().timeout(Duration::from_secs(30)).add_root_certificate(root);
    client.tls_built_in_root_certs(false).local_address(from).build().expect("a client")
}

async fn guesses(ground: &Ground) -> Ended {
    let place = ground.station(COUNTY);
    let url = format!("{}/v1/stations", place.url().ok_or("no URL of the county")?);
    let attacker = client(place, ATTACKER);
    let asks = async |client: &Client, token: &str| {
        let asked = client.get(&url).bearer_auth(token).send().await;
        asked.map(|answer| answer.status()).map_err(|why| why.to_string())
    };
    let mut limited = 0;
    for n in 0..GUESSES {
        match asks(&attacker, &format!("the-county-operators-token-{n:010}")).await? {
            StatusCode::UNAUTHORIZED => {}
            StatusCode::TOO_MANY_REQUESTS => limited += 1,
            other => return Err(format!("a guessed token is answered with {other}")),
        }
    }
    if limited == 0 {
        return Err(format!("{GUESSES} guesses were all looked at: no limit"));
    }
    let other = client(place, Ipv4Addr::LOCALHOST.into());
    match asks(&other, TOKEN).await? {
        StatusCode::OK => Ok("http: 401, then 429".to_owned()),
        status => Err(format!("the right token, from elsewhere, is answered with {status}")),
    }
}

/// A connection from the attacker's address.
async fn connection(place: &Place) -> Result<TcpStream, String> {
    let url = place.url().ok_or("no URL of the county")?;
    let address = url.trim_start_matches("https://").parse().map_err(|_| "no address")?;
    let socket = TcpSocket::new_v4().map_err(|why| why.to_string())?;
    socket.bind((ATTACKER, 0).into()).map_err(|why| why.to_string())?;
    let connected = timeout(ANSWERED_WITHIN, socket.connect(address)).await;
    connected.map_err(|_| "no connection".to_owned())?.map_err(|why| why.to_string())
}

async fn idles(ground: &Ground) -> Ended {
    let place = ground.station(COUNTY);
    let mut idlers = Vec::new();
    for _ in 0..IDLERS {
        // those that are not let in any more are what is wanted
        if let Ok(idler) = connection(place).await {
            idlers.push(idler);
        }
    }
    let began = Instant::now();
    let url = format!("{}/healthz", place.url().ok_or("no URL of the county")?);
    let other = client(place, Ipv4Addr::LOCALHOST.into());
    let answered = timeout(ANSWERED_WITHIN, other.get(url).send()).await;
    let is_ok =
        |answer: Result<reqwest::Response, _>| answer.is_ok_and(|it| it.status().is_success());
    if !answered.is_ok_and(is_ok) {
        return Err(format!("others are not answered within {ANSWERED_WITHIN:?}"));
    }
    for idler in &mut idlers {
        let left = CLOSED_WITHIN.saturating_sub(began.elapsed());
        // whatever is read, or a reset: in the end it is closed
        let closed = timeout(left, idler.read_to_end(&mut Vec::new())).await;
        closed.map_err(|_| format!("a silent connection is open after {CLOSED_WITHIN:?}"))?.ok();
    }
    Ok("http: time, places".to_owned())
}

/// Each is answered with a refusal, and none with a page of something else.
async fn smuggles(ground: &Ground) -> Ended {
    let place = ground.station(COUNTY);
    let url = place.url().ok_or("no URL of the county")?;
    let attacker = client(place, ATTACKER);
    let paths = [
        "/v1/messages/..%2f..%2f..%2fetc%2fpasswd",
        "/v1/stations/510722%0d%0aX-Forged:%201",
        "/v1/stations/510722.101%00",
        "/v1/messages/..%2fmetrics",
        "//v1//stations//510722",
        "/v1/stations/*",
        "/v1/messages?since=%0d%0a&cursor=../../spool",
    ];
    for path in paths {
        let answer = attacker.get(format!("{url}{path}")).bearer_auth(TOKEN).send().await;
        let answer = answer.map_err(|why| why.to_string())?;
        if !answer.status().is_client_error() || answer.headers().contains_key("x-forged") {
            return Err(format!("{path} is answered with {}", answer.status()));
        }
    }
    // percent-encoded ends of lines in attributes that become headers on the bus
    for (name, value) in [
        ("ce-subject", "a%0d%0aYz-Origin: 510722"),
        ("ce-forged", "%0d%0a%0d%0abody"),
        ("ce-id", "1%00%0aYz-Id: 510722-aaaaaa-r1"),
        ("ce-source", "urn:a%0D%0ANats-Msg-Id: 1"),
        ("ce-yzto", "510722%0d%0a"),
    ] {
        let event = attacker.post(format!("{url}/v1/events")).bearer_auth(TOKEN);
        let event = event.header("ce-specversion", "1.0").header("ce-type", "incident.report");
        let event = event.header("Content-Type", "application/json");
        let mut headers = vec![("ce-id", "smuggled"), ("ce-source", "urn:attack")];
        headers.retain(|(known, _)| *known != name);
        headers.push((name, value));
        let event =
            headers.into_iter().fold(event, |event, (name, value)| event.header(name, value));
        let body = r#"{"category":"a","severity":"general","description":"b",
            "occurred_at":"2026-11-23T08:30:00+08:00"}"#;
        let answer = event.body(body).send().await.map_err(|why| why.to_string())?;
        if answer.status() != StatusCode::BAD_REQUEST {
            return Err(format!("{name}: {value} is answered with {}", answer.status()));
        }
    }
    Ok("http: 400, 404".to_owned())
}
