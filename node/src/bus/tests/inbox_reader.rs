use super::*;

async fn put(inbox: &Inbox, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        let mut headers = Headers::new();
        headers.set("Yz-Id", &format!("n{number}")).unwrap();
        let body = Bytes::from(number.to_string());
        let sent = inbox.publish("yz.inbox.a.b.510722", headers, body, number - 1).await.unwrap();
        assert_eq!(sent.await.unwrap(), number);
    }
}

async fn read_through(reader: &mut InboxReader, last: u64) -> Vec<u64> {
    let mut sequences = vec![];
    while sequences.last() != Some(&last) {
        let Ok(read) = reader.read(Duration::from_secs(1)).await else { continue };
        for delivered in read {
            let body = delivered.sequence.to_string();
            assert_eq!(delivered.message.payload, body.as_bytes());
            assert_eq!(delivered.message.headers.get("yz-id"), Some(format!("n{body}").as_str()));
            assert!(delivered.stored_unix_ns > 0);
            sequences.push(delivered.sequence);
        }
    }
    sequences
}

#[tokio::test]
async fn an_application_without_credentials_reads_each_message_once_across_a_killed_server() {
    let county = County::start().await;
    let app = county.app().await;
    let inbox = county.inbox(&app).await;
    let reading = connected(Client::dial(Dial::open(county.bus.url(), "a test")).await).await;
    let mut reader = InboxReader::new(&reading);
    assert!(reader.read(Duration::ZERO).await.unwrap().is_empty());
    put(&inbox, 1..=1200).await;
    let first = soon(read_through(&mut reader, 1200)).await;
    assert_eq!(first, (1..=1200).collect::<Vec<_>>());

    let mut state = app.state();
    let before = *state.borrow_and_update();
    county.kill_server().await;
    soon(state.wait_for(|now| now.connected && now.connections > before.connections))
        .await
        .unwrap();
    put(&county.inbox(&app).await, 1201..=1210).await;
    let second = soon(read_through(&mut reader, 1210)).await;
    assert_eq!(second, (1201..=1210).collect::<Vec<_>>());
    let mut again = InboxReader::new(&reading);
    assert_eq!(soon(read_through(&mut again, 1210)).await.len(), 1210);
}
