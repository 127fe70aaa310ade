use async_nats::jetstream;
use async_nats::jetstream::consumer::pull;
use futures::StreamExt as _;
use yizhan_topology::Right;

use super::wire::Wire;
use super::*;

/// Who is who in the tables: two children, an application, the node in its two accounts.
const PARTIES: [&str; 5] = ["510722.101", "510722.102", "application", "LINK", "APP"];

async fn parties(county: &County) -> Vec<Wire> {
    let (url, keys) = (county.bus.url(), county.managed().keys());
    let [(_, first), (_, second)] = &county.children;
    let mut wires = vec![];
    for key in [Some(first), Some(second), None, Some(&keys.link), Some(&keys.app)] {
        wires.push(Wire::connect(url, key).await.unwrap());
    }
    wires
}

#[tokio::test]
async fn each_party_may_publish_its_own_subjects_and_no_others() {
    let county = County::start().await;
    let mut wires = parties(&county).await;
    // one letter a party, in the order of PARTIES: y for yes
    for (subject, expected) in [
        ("yz.up.510722.101", "y..yy"),
        ("yz.up.510722.102", ".y.yy"),
        ("yz.up.510722", "...yy"),
        ("yz.up.510722.101.001", "...yy"),
        ("yz.status.510722.101", "y..yy"),
        ("yz.status.510722.102", ".y.yy"),
        ("yz.down.510722.101", "...yy"),
        ("yz.query.510722.101", "...yy"),
        ("yz.submit.incident.report", "..yyy"),
        ("yz.ack.510722.101.002-b7k2qf-r1042", "..yyy"),
        ("yz.inbox.incident.report.510722", "...yy"),
        ("yz.video.34020000001320000001", "...yy"),
        ("yz.broadcast.1", "...yy"),
        ("_INBOX_510722.x", "...yy"),
        ("_INBOX_510722_101.x", "...yy"),
        ("_R_.x", "...yy"),
        ("$JS.API.INFO", "..yyy"),
        ("$JS.API.STREAM.NAMES", "..yyy"),
        ("$JS.API.STREAM.INFO.YZ_INBOX", "..yyy"),
        ("$JS.API.STREAM.CREATE.YZ_INBOX", "...yy"),
        ("$JS.API.STREAM.UPDATE.YZ_INBOX", "...yy"),
        ("$JS.API.STREAM.PURGE.YZ_INBOX", "...yy"),
        ("$JS.API.STREAM.DELETE.YZ_INBOX", "...yy"),
        ("$JS.API.STREAM.MSG.DELETE.YZ_INBOX", "...yy"),
        ("$JS.API.STREAM.CREATE.OTHER", "...yy"),
        ("$JS.API.CONSUMER.CREATE.YZ_INBOX.mine", "..yyy"),
        ("$JS.API.CONSUMER.DURABLE.CREATE.YZ_INBOX.mine", "..yyy"),
        ("$JS.API.CONSUMER.MSG.NEXT.YZ_INBOX.mine", "..yyy"),
        ("$JS.API.CONSUMER.CREATE.OTHER.mine", "...yy"),
        ("$JS.ACK.YZ_INBOX.mine.1.1.1.1.0", "..yyy"),
        ("$JS.ACK._.hash.YZ_INBOX.mine.1.1.1.1.0.x", "..yyy"),
        ("$SRV.PING", "..yyy"),
        ("$SYS.REQ.USER.INFO", "...yy"),
        ("anything", "...yy"),
    ] {
        for ((party, wire), expected) in PARTIES.iter().zip(&mut wires).zip(expected.chars()) {
            assert_eq!(wire.may_publish(subject).await, expected == 'y', "{party} to {subject}");
        }
    }
}

#[tokio::test]
async fn each_party_may_hear_its_own_subjects_and_no_others() {
    let county = County::start().await;
    let mut wires = parties(&county).await;
    for (subject, expected) in [
        ("yz.down.510722.101", "y..yy"),
        ("yz.down.510722.102", ".y.yy"),
        ("yz.query.510722.101", "y..yy"),
        ("yz.query.*", "...yy"),
        ("yz.up.510722.101", "...yy"),
        ("yz.up.>", "...yy"),
        ("yz.status.>", "...yy"),
        ("yz.submit.>", "...yy"),
        ("yz.ack.>", "...yy"),
        ("yz.inbox.>", "...yy"),
        ("_INBOX_510722_101.x", "y..yy"),
        ("_INBOX_510722_102.>", ".y.yy"),
        ("_INBOX_510722.>", "...yy"),
        ("_INBOX.>", "..yyy"),
        ("_R_.>", "...yy"),
        ("yz.video.34020000001320000001", "..yyy"),
        ("yz.video.*", "..yyy"),
        ("yz.broadcast.1", "..yyy"),
        ("$JS.EVENT.>", "...yy"),
        (">", "...yy"),
    ] {
        for ((party, wire), expected) in PARTIES.iter().zip(&mut wires).zip(expected.chars()) {
            assert_eq!(wire.may_subscribe(subject).await, expected == 'y', "{party} on {subject}");
        }
    }
}

#[tokio::test]
async fn strangers_are_let_in_only_where_the_bus_is_open() {
    let closed = County::start_with(|plan| plan.open = false).await;
    let stranger = Credential::generate().unwrap();
    for key in [None, Some(&stranger)] {
        let refused = Wire::connect(closed.bus.url(), key).await.err().unwrap_or_default();
        assert!(refused.contains("Authorization Violation"), "{key:?}: {refused}");
    }
    let client = Client::dial(Dial::own(closed.bus.url(), &stranger, &code(STATION), "x")).await;
    let error = client.unwrap().ready(Duration::from_secs(2)).await.unwrap_err().to_string();
    assert!(error.contains("authorization violation"), "{error}");
    let open = County::start().await;
    assert!(Wire::connect(open.bus.url(), None).await.is_ok());
    assert!(Wire::connect(open.bus.url(), Some(&stranger)).await.is_err());
}

#[tokio::test]
async fn an_application_with_a_key_may_do_what_its_rights_say_and_has_an_inbox_of_its_own() {
    let keys = [0; 3].map(|_| Credential::generate().unwrap());
    let application = |(right, key): (Right, &Credential)| Application {
        name: right.word().to_owned(),
        keys: vec![key.public().unwrap().to_owned()],
        rights: vec![right],
    };
    let applications = Right::ALL.into_iter().zip(&keys).map(application).collect();
    let county = County::start_with(|plan| plan.applications = applications).await;
    let mut wires = vec![];
    for key in &keys {
        wires.push(Wire::connect(county.bus.url(), Some(key)).await.unwrap());
    }
    // one letter a right, in the order of Right::ALL; p may publish, s may subscribe
    for (may, subject, expected) in [
        ('p', "yz.submit.incident.report", "y.."),
        ('p', "yz.ack.510722.101.002-b7k2qf-r1042", ".y."),
        ('p', "$JS.API.CONSUMER.MSG.NEXT.YZ_INBOX.mine", ".y."),
        ('p', "$JS.API.STREAM.PURGE.YZ_INBOX", "..."),
        ('p', "$SRV.PING", "yyy"),
        ('p', "yz.inbox.incident.report.510722", "..."),
        ('p', "yz.video.1", "..."),
        ('p', "yz.up.510722.101", "..."),
        ('p', "anything", "..."),
        ('s', "yz.video.*", "..y"),
        ('s', "yz.broadcast.1", "..y"),
        ('s', "_INBOX_app_publisher.>", "y.."),
        ('s', "_INBOX_app_subscriber.x", ".y."),
        ('s', "_INBOX_app_adapter.>", "..y"),
        ('s', "_INBOX.>", "..."),
        ('s', "yz.submit.>", "..."),
        ('s', "yz.inbox.>", "..."),
        ('s', ">", "..."),
    ] {
        for ((right, wire), expected) in Right::ALL.iter().zip(&mut wires).zip(expected.chars()) {
            let allowed = match may {
                'p' => wire.may_publish(subject).await,
                _ => wire.may_subscribe(subject).await,
            };
            assert_eq!(allowed, expected == 'y', "{right:?} {may} {subject}");
        }
    }
}

/// No permission stops this; what an adapter can go by is the subject.
#[tokio::test]
async fn what_a_push_consumer_sends_to_an_adapter_bears_the_inboxs_subject() {
    let county = County::start().await;
    let app = county.app().await;
    let inbox = county.inbox(&app).await;
    let application = async_nats::connect(county.bus.url()).await.unwrap();
    let mut adapter = application.subscribe("yz.video.1").await.unwrap();
    let stream = jetstream::new(application.clone()).get_stream(subjects::INBOX_STREAM).await;
    let push = jetstream::consumer::push::Config {
        deliver_subject: "yz.video.1".to_owned(),
        ..Default::default()
    };
    stream.unwrap().create_consumer(push).await.unwrap();
    let subject = "yz.inbox.incident.report.510722";
    let ack = inbox.publish(subject, Headers::new(), Bytes::from_static(b"{}"), 0).await;
    ack.unwrap().await.unwrap();
    let forged = soon(adapter.next()).await.unwrap();
    assert_eq!(forged.subject.as_str(), subject);
}

#[tokio::test]
async fn a_child_says_hello_and_hears_its_parents_answer() {
    let county = County::start().await;
    let (link, child) = (county.link().await, county.uplink().await);
    let mut hellos = link.subscribe("yz.up.>").await.unwrap();
    settled(&link).await;
    let subject = subjects::up(&code("510722.101"));
    let asked = child.request(&subject, Bytes::from_static(b"hello"), SOON);
    let answered = async {
        let hello = hellos.next().await.unwrap();
        assert_eq!(hello.payload, "hello");
        link.answer(&hello, Bytes::from_static(b"welcome")).await.unwrap();
    };
    let (welcome, ()) = soon(async { tokio::join!(asked, answered) }).await;
    assert_eq!(welcome.unwrap().payload, "welcome");
}

#[tokio::test]
async fn a_child_learns_that_the_node_is_down_though_its_bus_is_up() {
    let county = County::start().await;
    let child = county.uplink().await;
    let subject = subjects::up(&code("510722.101"));
    let error = child.request(&subject, Bytes::new(), SOON).await.unwrap_err();
    assert!(matches!(error, BusError::NoResponders { .. }), "{error}");
}

#[tokio::test]
async fn an_application_without_credentials_consumes_and_acknowledges_the_inbox() {
    let county = County::start().await;
    let app = county.app().await;
    let inbox = county.inbox(&app).await;
    let subject = subjects::inbox(&"incident.report".parse().unwrap(), &code("510722.101"));
    let ack = inbox.publish(&subject, Headers::new(), Bytes::from_static(b"{}"), 0).await.unwrap();
    assert_eq!(ack.await.unwrap(), 1);

    let context = jetstream::new(async_nats::connect(county.bus.url()).await.unwrap());
    let stream = context.get_stream(subjects::INBOX_STREAM).await.unwrap();
    let config = pull::Config { durable_name: Some("mine".to_owned()), ..Default::default() };
    let mut consumer = stream.create_consumer(config).await.unwrap();
    let mut messages = consumer.messages().await.unwrap();
    let message = soon(messages.next()).await.unwrap().unwrap();
    assert_eq!(message.subject.as_str(), subject);
    soon(message.double_ack()).await.unwrap();
    assert_eq!(consumer.info().await.unwrap().ack_floor.stream_sequence, 1);
}
