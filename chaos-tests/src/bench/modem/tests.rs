//! Bytes and their order are exact; of time, only lower bounds are asked for.

use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

/// Long enough for anything that must come; short enough to wait for what must not.
const SOON: Duration = Duration::from_secs(30);
const A_WHILE: Duration = Duration::from_millis(150);

async fn pair() -> (Modem, TcpListener) {
    let bus = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let modem = Modem::start().unwrap();
    modem.towards(bus.local_addr().unwrap());
    (modem, bus)
}

async fn dial(modem: &Modem) -> TcpStream {
    let address = (Ipv4Addr::LOCALHOST, modem.port());
    loop {
        if let Ok(child) = TcpStream::connect(address).await {
            return child;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A child, and its connection as the bus sees it.
async fn joined(modem: &Modem, bus: &TcpListener) -> (TcpStream, TcpStream) {
    let child = dial(modem).await;
    let (parent, _) = timeout(SOON, bus.accept()).await.unwrap().unwrap();
    (child, parent)
}

fn numbered(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

async fn read(from: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    timeout(SOON, from.read_exact(&mut bytes)).await.unwrap().unwrap();
    bytes
}

#[tokio::test]
async fn bytes_come_in_order_no_faster_than_the_line_and_no_sooner_than_its_length() {
    let (modem, bus) = pair().await;
    modem.shape(Shape::of_kbit(400.0, Duration::from_millis(80)));
    let (mut child, mut parent) = joined(&modem, &bus).await;
    modem.count_anew(b"");
    let (sent, began) = (numbered(20_000), Instant::now());
    let (mut from_child, mut to_parent) = child.split();
    let (read, ()) = tokio::join!(read(&mut parent, 20_000), async {
        to_parent.write_all(&sent).await.unwrap();
    });
    assert_eq!(read, sent);
    // 50,000 bytes a second: 400 ms, and 80 ms on the way
    assert!(began.elapsed() >= Duration::from_millis(480), "{:?}", began.elapsed());
    let tally = modem.tally(Direction::Up);
    assert_eq!(tally.bytes, 20_000);
    assert!(tally.last.unwrap() - tally.first.unwrap() >= Duration::from_millis(399));
    assert_eq!(modem.tally(Direction::Down).bytes, 0);
    // and the other way, at the same time as nothing else
    parent.write_all(b"answer").await.unwrap();
    let mut answer = [0; 6];
    timeout(SOON, from_child.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!((&answer, modem.tally(Direction::Down).bytes), (b"answer", 6));
}

#[tokio::test]
async fn all_connections_wait_in_one_queue() {
    let (modem, bus) = pair().await;
    modem.shape(Shape::of_kbit(160.0, Duration::ZERO));
    let (mut first, mut first_end) = joined(&modem, &bus).await;
    let (mut second, mut second_end) = joined(&modem, &bus).await;
    modem.count_anew(b"urgent");
    first.write_all(&numbered(10_000)).await.unwrap();
    while modem.shared.up.held() < 8_000 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    second.write_all(b"urgent").await.unwrap();
    let (all, urgent) = tokio::join!(read(&mut first_end, 10_000), read(&mut second_end, 6));
    assert_eq!((all, urgent), (numbered(10_000), b"urgent".to_vec()));
    let (_, before) = modem.tally(Direction::Up).marked.unwrap();
    assert!(before >= 8_000, "only {before} bytes went first");
}

#[tokio::test]
async fn a_full_queue_makes_senders_wait() {
    let (modem, bus) = pair().await;
    let shape = Shape::of_kbit(16.0, Duration::ZERO);
    assert_eq!(shape.queue_bytes(), 4_000);
    assert_eq!(Shape::of_kbit(9.6, Duration::ZERO).queue_bytes(), QUEUE_BYTES_MIN);
    modem.shape(shape);
    let (child, _parent) = joined(&modem, &bus).await;
    let mut written = 0;
    let full = loop {
        let room = timeout(A_WHILE, child.writable()).await;
        match room.map(|_| child.try_write(&[0; 4096])) {
            Ok(Ok(bytes)) => written += bytes,
            Ok(Err(_)) => {}
            Err(_) => break modem.shared.up.held(),
        }
        assert!(modem.shared.up.held() <= shape.queue_bytes());
    };
    assert!(full > shape.queue_bytes() / 2, "{full} bytes are no full queue");
    assert!(written > full, "the kernel holds the rest: {written}");
}

#[tokio::test]
async fn a_refused_line_resets_what_is_there_and_takes_nobody_until_it_passes_again() {
    let (modem, bus) = pair().await;
    let (mut child, mut parent) = joined(&modem, &bus).await;
    modem.set(Mode::Refuse);
    for end in [&mut child, &mut parent] {
        let ended = timeout(SOON, end.read(&mut [0; 8])).await.unwrap();
        assert!(!matches!(ended, Ok(1..)), "{ended:?}");
    }
    while TcpStream::connect((Ipv4Addr::LOCALHOST, modem.port())).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(1)).await; // the listener is about to close
    }
    modem.set(Mode::Pass);
    let (mut child, mut parent) = joined(&modem, &bus).await;
    child.write_all(b"hello").await.unwrap();
    assert_eq!(read(&mut parent, 5).await, b"hello");
}

#[tokio::test]
async fn a_refusal_too_short_to_be_seen_resets_all_the_same() {
    let (modem, bus) = pair().await;
    let (mut child, _parent) = joined(&modem, &bus).await;
    modem.set(Mode::Refuse);
    modem.set(Mode::Pass);
    let ended = timeout(SOON, child.read(&mut [0; 8])).await.unwrap();
    assert!(!matches!(ended, Ok(1..)), "{ended:?}");
}

#[tokio::test]
async fn a_black_hole_keeps_connections_and_bytes_and_tells_nobody() {
    let (modem, bus) = pair().await;
    let (mut child, mut parent) = joined(&modem, &bus).await;
    modem.set(Mode::BlackHole);
    child.write_all(b"lost?").await.unwrap();
    let late = dial(&modem).await;
    let mut byte = [0];
    assert!(timeout(A_WHILE, parent.read(&mut byte)).await.is_err(), "nothing goes on");
    assert!(timeout(A_WHILE, bus.accept()).await.is_err(), "and nobody comes");
    modem.set(Mode::Pass);
    assert_eq!(read(&mut parent, 5).await, b"lost?");
    timeout(SOON, bus.accept()).await.unwrap().unwrap();
    drop(late);
}

#[tokio::test]
async fn a_mark_is_found_across_packets_with_the_bytes_before_it() {
    let mut meter = Meter::watching(b"batch");
    let now = Instant::now();
    for packet in [&b"hello"[..], b"..ba", b"tch..", b"batch"] {
        meter.passed(packet, now, now);
    }
    assert_eq!(meter.tally().marked, Some((now, 9)));
    assert_eq!(meter.tally().bytes, 19);
}
