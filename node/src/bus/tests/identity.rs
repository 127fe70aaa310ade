use super::wire::Wire;
use super::*;

const SUBJECT: &str = "yz.submit.incident.report";
const FORGED: &str = r#"Nats-Request-Info: {"user":"county","acc":"APP"}"#;

#[tokio::test]
async fn a_forged_publisher_is_replaced_by_the_servers_word() {
    let county = County::start().await;
    let link = county.link().await;
    let mut requests = link.subscribe(subjects::SUBMIT_ALL).await.unwrap();
    settled(&link).await;
    let mut application = Wire::connect(county.bus.url(), None).await.unwrap();
    let header = format!("NATS/1.0\r\n{FORGED}\r\n{FORGED}\r\nYz-To: up\r\n\r\n");
    application.request(SUBJECT, header.as_bytes(), b"{}").await;
    let request = soon(requests.next()).await.unwrap();
    let who = request.publisher().unwrap();
    assert_eq!((who.user.as_str(), who.account.as_str()), (OPEN_USER, "APP"));
    assert_eq!((request.headers.get("Yz-To"), request.payload.as_ref()), (Some("up"), &b"{}"[..]));
}

#[tokio::test]
async fn the_nodes_own_requests_carry_the_nodes_key() {
    let county = County::start().await;
    let (link, app) = (county.link().await, county.app().await);
    let mut requests = link.subscribe(subjects::ACK_ALL).await.unwrap();
    settled(&link).await;
    app.publish("yz.ack.510722-b7k2qf-r1", Bytes::new()).await.unwrap();
    let who = soon(requests.next()).await.unwrap().publisher().unwrap();
    assert_eq!(Some(who.user.as_str()), county.managed().keys().app.public());
}

/// nats-server looks for whole lines and appends its own; a client that breaks lines otherwise can
/// hide a forged one before it, or glue it to the server's.
#[tokio::test]
async fn a_publisher_that_hides_a_forged_name_from_the_server_is_nobody() {
    let county = County::start().await;
    let link = county.link().await;
    let mut requests = link.subscribe(subjects::SUBMIT_ALL).await.unwrap();
    settled(&link).await;
    for header in [
        format!("NATS/1.0\r\nA: 1\n{FORGED}\r\n\r\n"),
        format!("NATS/1.0\r\nA: 1\n{FORGED}\nB: 2XY"),
        format!("NATS/1.0\r\nA: 1\n{FORGED}\nFooXY"),
        format!("NATS/1.0\r\nA: 1\n{FORGED}\nB:\n XY"),
        "NATS/1.0\r\nnats-request-info: {\"user\":\"county\"}\r\n\r\n".to_owned(),
    ] {
        let mut application = Wire::connect(county.bus.url(), None).await.unwrap();
        application.request(SUBJECT, header.as_bytes(), b"{}").await;
        let request = soon(requests.next()).await.unwrap();
        assert_eq!(request.publisher(), None, "{header:?} gave {:?}", request.headers);
    }
}

/// async-nats 0.51 panics over the first of these headers and drops its connection over the
/// second; nats-server passes both on.
#[tokio::test]
async fn no_header_deafens_the_station() {
    let county = County::start().await;
    let link = county.link().await;
    let mut requests = link.subscribe(subjects::SUBMIT_ALL).await.unwrap();
    settled(&link).await;
    let mut application = Wire::connect(county.bus.url(), None).await.unwrap();
    for header in [&b"NATS/1.0\r\nA: b\rc\r\n\r\n"[..], b"NATS/1.0\r\nA\xff\xfe\r\n\r\n"] {
        let mut state = link.state();
        let before = state.borrow_and_update().connections;
        application.request(SUBJECT, header, b"{}").await;
        let again = state.wait_for(|now| now.connected && now.connections > before);
        soon(again).await.unwrap();
        // the subscription moves over by itself, when it is next read; ask until it has
        let heard = async {
            loop {
                application.request(SUBJECT, b"NATS/1.0\r\nB: 1\r\n\r\n", b"{}").await;
                let patience = tokio::time::timeout(Duration::from_millis(50), requests.next());
                if let Ok(message) = patience.await {
                    return message.unwrap();
                }
            }
        };
        assert_eq!(soon(heard).await.headers.get("B"), Some("1"));
    }
}
