use std::fs;
use std::time::Instant;

use rustix::process::Signal;

use super::*;

#[tokio::test]
async fn a_request_tells_nobody_there_from_nobody_answering() {
    let county = County::start().await;
    let link = county.link().await;
    let error = link.request("yz.nobody", Bytes::new(), SOON).await.unwrap_err();
    assert!(matches!(error, BusError::NoResponders { .. }), "{error}");
    let other = county.link().await;
    let _silent = other.subscribe("yz.silent").await.unwrap();
    settled(&other).await;
    let error = link.request("yz.silent", Bytes::new(), Duration::from_millis(50)).await;
    assert!(matches!(error, Err(BusError::Timeout { .. })), "{error:?}");
}

#[tokio::test]
async fn a_wait_for_an_answer_ends_when_the_connection_breaks() {
    let county = County::start().await;
    let (link, other) = (county.link().await, county.link().await);
    let mut requests = other.subscribe("yz.silent").await.unwrap();
    settled(&other).await;
    let asked = link.request("yz.silent", Bytes::new(), Duration::from_secs(3600));
    let killed = async {
        requests.next().await.unwrap();
        county.kill_server().await;
    };
    let (answer, _) = soon(async { tokio::join!(asked, killed) }).await;
    assert!(matches!(answer, Err(BusError::Disconnected { .. })), "{answer:?}");
}

#[tokio::test]
async fn nothing_is_sent_while_disconnected_and_subscriptions_come_back() {
    let county = County::start().await;
    let (sender, receiver) = (county.link().await, county.link().await);
    let mut messages = receiver.subscribe("yz.x").await.unwrap();
    settled(&receiver).await;
    let mut states = [sender.state(), receiver.state()];
    let server = county.managed().pid().borrow().unwrap();
    kill(server, Signal::KILL);
    soon(states[0].wait_for(|now| !now.connected)).await.unwrap();
    if !sender.is_connected() {
        let error = sender.publish("yz.x", Bytes::from_static(b"stale")).await.unwrap_err();
        assert!(matches!(error, BusError::Disconnected { .. }), "{error}");
    }
    for state in &mut states {
        soon(state.wait_for(|now| now.connected && now.connections == 2)).await.unwrap();
    }
    settled(&receiver).await;
    sender.publish("yz.x", Bytes::from_static(b"fresh")).await.unwrap();
    assert_eq!(soon(messages.next()).await.unwrap().payload, "fresh");
}

#[tokio::test]
async fn a_half_open_connection_is_found_after_three_pings() {
    let county = County::start().await;
    let (code, key) = &county.children[0];
    let dial = Dial::parent(county.bus.url(), key, code);
    assert!(dial.ping_interval * 3 < Duration::from_secs(10), "the bound of the design");
    let dial = Dial { ping_interval: Duration::from_millis(300), ..dial };
    let child = connected(Client::dial(dial).await).await;
    let server = county.managed().pid().borrow().unwrap();
    let mut state = child.state();
    let since = Instant::now();
    kill(server, Signal::STOP);
    let broken = tokio::time::timeout(SOON, state.wait_for(|now| !now.connected)).await;
    kill(server, Signal::CONT);
    assert!(broken.is_ok());
    assert!(since.elapsed() > Duration::from_millis(600), "{:?}", since.elapsed());
}

#[tokio::test]
async fn what_a_slow_reader_misses_is_counted() {
    let county = County::start().await;
    let (sender, receiver) = (county.link().await, county.link().await);
    let _unread = receiver.subscribe("yz.x").await.unwrap();
    settled(&receiver).await;
    while receiver.slow_consumer_events() == 0 {
        for _ in 0..10_000 {
            sender.publish("yz.x", Bytes::new()).await.unwrap();
        }
        settled(&receiver).await;
    }
    assert!(receiver.is_connected());
}

#[tokio::test]
async fn too_much_and_bad_subjects_are_refused_before_they_are_sent() {
    let county = County::start().await;
    let link = county.link().await;
    let large = Bytes::from(vec![0; MAX_PAYLOAD_BYTES + 1]);
    let error = link.publish("yz.x", large).await.unwrap_err().to_string();
    assert!(error.contains("1048576"), "{error}");
    assert!(link.publish("yz x", Bytes::new()).await.is_err());
    assert!(link.subscribe("yz..x").await.is_err());
}

#[tokio::test]
async fn an_external_bus_is_used_with_given_credentials() {
    let county = County::start().await;
    let keys = county.directory.path().join("bus/keys");
    let given = TempDir::new().unwrap();
    for name in ["link", "app"] {
        fs::copy(keys.join(format!("{name}.nk")), given.path().join(name)).unwrap();
    }
    let keys = StationKeys::external(given.path()).unwrap();
    let bus = OwnBus::external(county.bus.url(), keys, None);
    let station = code(STATION);
    let (link, app) = (bus.link(&station).await, bus.app(&station).await);
    let (link, app) = (connected(link).await, connected(app).await);
    let mut requests = link.subscribe(subjects::SUBMIT_ALL).await.unwrap();
    settled(&link).await;
    app.publish("yz.submit.a.b", Bytes::new()).await.unwrap();
    assert!(soon(requests.next()).await.is_some());
    let inbox = bus.inbox(&app, LIMITS).await.unwrap();
    assert!(!inbox.sync_files().await.unwrap(), "the files of others are out of reach");
    bus.stop().await;
    assert!(link.is_connected(), "a bus of others runs on");
}

#[tokio::test]
async fn no_connection_is_an_error_that_says_where_and_why() {
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("nats://{}", nowhere.local_addr().unwrap());
    drop(nowhere);
    let key = Credential::generate().unwrap();
    let client = Client::dial(Dial::own(&url, &key, &code(STATION), "x")).await.unwrap();
    let error = client.ready(Duration::from_millis(500)).await.unwrap_err().to_string();
    assert!(error.contains(&url) && !error.contains("no attempt"), "{error}");
    let bad = Client::dial(Dial::own("http://[", &key, &code(STATION), "x")).await.unwrap_err();
    assert!(bad.to_string().contains("nats://host:port"), "{bad}");
}

#[tokio::test]
async fn the_station_shows_among_the_services_of_its_applications() {
    let county = County::start().await;
    let app = county.app().await;
    let _announced = Announcement::make(&app, "yizhan", "0.1.0").await.unwrap();
    settled(&app).await;
    let application = async_nats::connect(county.bus.url()).await.unwrap();
    let pong = soon(application.request("$SRV.PING", Bytes::new())).await.unwrap();
    let pong: serde_json::Value = serde_json::from_slice(&pong.payload).unwrap();
    assert_eq!((pong["name"].as_str(), pong["version"].as_str()), (Some("yizhan"), Some("0.1.0")));
}
