use std::fs;
use std::net::TcpListener;

use rustix::process::Signal;

use super::wire::Wire;
use super::*;

#[tokio::test]
async fn a_killed_server_comes_back_on_its_port_with_its_content() {
    let county = County::start().await;
    let app = county.app().await;
    let inbox = county.inbox(&app).await;
    for n in 0..10 {
        let ack = inbox.publish("yz.inbox.a.b.510722", Headers::new(), Bytes::new(), n).await;
        ack.unwrap().await.unwrap();
    }
    let before = inbox.info().await.unwrap();
    let mut state = app.state();
    state.mark_unchanged();
    county.kill_server().await;
    soon(state.wait_for(|now| now.connected && now.connections == 2)).await.unwrap();
    assert_eq!(inbox.info().await.unwrap(), before);
    let ack = inbox.publish("yz.inbox.a.b.510722", Headers::new(), Bytes::new(), 10).await;
    assert_eq!(ack.unwrap().await.unwrap(), 11);
}

#[tokio::test]
async fn a_server_that_stops_answering_is_replaced() {
    let patience = Patience {
        silence: Duration::from_secs(2),
        pulse: Duration::from_millis(100),
        ..Patience::default()
    };
    let county = County::start_with(|plan| plan.patience = patience).await;
    let link = county.link().await;
    let mut pid = county.managed().pid();
    let old = pid.borrow_and_update().unwrap();
    // only after its first answer is a server expected to be quick
    tokio::time::sleep(patience.pulse * 2).await;
    kill(old, Signal::STOP);
    soon(pid.wait_for(|now| now.is_some_and(|now| now != old))).await.unwrap();
    link.ready(SOON).await.unwrap();
}

#[tokio::test]
async fn a_server_is_restarted_on_demand_with_its_content() {
    let county = County::start().await;
    let app = county.app().await;
    let inbox = county.inbox(&app).await;
    let ack = inbox.publish("yz.inbox.a.b.510722", Headers::new(), Bytes::new(), 0).await;
    ack.unwrap().await.unwrap();
    let mut state = app.state();
    assert!(county.bus.restart());
    soon(state.wait_for(|now| now.connected && now.connections == 2)).await.unwrap();
    assert_eq!(inbox.info().await.unwrap().last_seq, 1);
}

#[tokio::test]
async fn a_stopped_bus_leaves_no_process_and_starts_again_where_it_was() {
    server_binary().await;
    let directory = TempDir::new().unwrap();
    let mut lives = vec![];
    for _ in 0..2 {
        let bus = Managed::start(plan(directory.path())).await.unwrap();
        let pid = bus.pid().borrow().unwrap();
        lives.push((bus.url().to_owned(), bus.keys().link.public().unwrap().to_owned()));
        bus.stop().await;
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
        assert!(!directory.path().join("bus/server.json").exists(), "it ended well");
    }
    assert_eq!(lives[0], lives[1]);
}

#[tokio::test]
async fn a_dropped_bus_stops_in_the_background() {
    let county = County::start().await;
    let mut pid = county.managed().pid();
    let County { bus, .. } = county;
    drop(bus);
    soon(pid.wait_for(Option::is_none)).await.unwrap();
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_it() {
    server_binary().await;
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap();
    let directory = TempDir::new().unwrap();
    let mut plan = plan(directory.path());
    plan.listen = Listen::parse(&address.to_string()).unwrap();
    let error = Managed::start(plan).await.unwrap_err().to_string();
    let port = format!("port {} of 127.0.0.1 is taken", address.port());
    assert!(error.contains(&port) && error.contains("bus.listen"), "{error}");
}

#[tokio::test]
async fn a_second_process_cannot_take_over_a_running_bus() {
    let county = County::start().await;
    let error = Managed::start(plan(county.directory.path())).await.unwrap_err();
    assert!(matches!(error, BusError::DirectoryInUse { .. }), "{error}");
    assert!(error.to_string().contains("lock"), "{error}");
    assert!(county.managed().pid().borrow().is_some());
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let directory = TempDir::new().unwrap();
    let bus = directory.path().join("bus");
    fs::create_dir_all(&bus).unwrap();
    fs::write(bus.join("jetstream"), "in the way").unwrap();
    let error = Managed::start(plan(directory.path())).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, BusError::Ended { .. }), "{text}");
    assert!(text.contains("storage directory") && text.contains("nats-server.log"), "{text}");
}

#[tokio::test]
async fn any_directory_name_will_do() {
    server_binary().await;
    let directory = TempDir::with_prefix("驿站 \"a\" \\n 'b' $c #").unwrap();
    let bus = Managed::start(plan(directory.path())).await.unwrap();
    assert!(directory.path().join("bus/jetstream").is_dir());
    bus.stop().await;
}

#[tokio::test]
async fn secrets_are_readable_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let county = County::start().await;
    for name in ["nats.conf", "keys/link.nk", "keys/app.nk"] {
        let path = county.directory.path().join("bus").join(name);
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn children_are_not_told_of_other_addresses() {
    let everywhere = Listen::parse("0.0.0.0:0").unwrap();
    let ca = TempDir::new().unwrap();
    let county = County::start_with(|plan| {
        plan.listen = everywhere;
        plan.open = false;
        plan.tls = Some(certificates(ca.path()));
    });
    let county = county.await;
    let info = Wire::info(county.bus.url()).await;
    assert!(info.starts_with("INFO ") && !info.contains("connect_urls"), "{info}");
}

#[tokio::test]
async fn under_tls_a_child_needs_a_certificate_beside_its_key() {
    let ca = TempDir::new().unwrap();
    let files = certificates(ca.path());
    let given = files.clone();
    let county = County::start_with(|plan| plan.tls = Some(given)).await;
    county.link().await;
    let (code, key) = &county.children[0];
    let dial = |tls| Dial::parent(county.bus.url(), key, code).with_tls(tls);
    connected(Client::dial(dial(Some(&files))).await).await;
    let without = Client::dial(dial(None)).await.unwrap();
    assert!(without.ready(Duration::from_secs(1)).await.is_err());
}

#[tokio::test]
async fn a_bus_open_to_all_is_never_open_to_the_network() {
    server_binary().await;
    let directory = TempDir::new().unwrap();
    let mut plan = plan(directory.path());
    plan.listen = Listen::parse("0.0.0.0:0").unwrap();
    let error = Managed::start(plan).await.unwrap_err().to_string();
    assert!(error.contains("bus.listen = 0.0.0.0"), "{error}");
}

/// A power cut took the end of a block, while the server's index, written later, reached the disk.
async fn after_a_cut(noted: bool) -> InboxInfo {
    let county = County::start().await;
    let app = county.app().await;
    let inbox = county.inbox(&app).await;
    for n in 0..10 {
        let ack = inbox.publish("yz.inbox.a.b.510722", Headers::new(), vec![7; 100].into(), n);
        ack.await.unwrap().await.unwrap();
    }
    let County { bus, directory, .. } = county;
    bus.stop().await;
    let stream = directory.path().join("bus/jetstream/APP/streams/YZ_INBOX/msgs");
    assert!(stream.join("index.db").exists());
    let block = fs::File::options().write(true).open(stream.join("1.blk")).unwrap();
    let length = block.metadata().unwrap().len();
    block.set_len(length - length * 3 / 20).unwrap(); // one record and a half
    if noted {
        let note = r#"{"pid":1,"start_ticks":1,"boot":"earlier"}"#;
        fs::write(directory.path().join("bus/server.json"), note).unwrap();
    }
    let bus = OwnBus::managed(plan(directory.path())).await.unwrap();
    let app = connected(bus.app(&code(STATION)).await).await;
    let info = bus.inbox(&app, LIMITS).await.unwrap().info().await.unwrap();
    bus.stop().await;
    info
}

#[tokio::test]
async fn after_a_power_cut_the_last_sequence_is_that_of_what_is_there() {
    let info = after_a_cut(true).await;
    assert_eq!((info.first_seq, info.last_seq, info.messages), (1, 8, 8));
    assert_eq!(info.holes(), 0);
}

#[tokio::test]
async fn a_tail_that_is_only_in_the_servers_index_shows_as_a_hole() {
    let info = after_a_cut(false).await;
    assert_eq!((info.last_seq, info.messages, info.holes()), (10, 8, 2));
}
