//! Questions over a real bus, between a parent and a child that are nothing but boards and lines.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt as _};
use tempfile::TempDir;
use tokio::sync::watch;
use yizhan_core::link::Link;
use yizhan_core::station::{LinkView, View};
use yizhan_schemas::frame::{Answer, Frame, QUERIES_SINCE, Query};
use yizhan_schemas::payload::stats::Day;
use yizhan_schemas::query::{Ask, Told};
use yizhan_schemas::{Code, PerLane};

use super::*;
use crate::bus::{Client, Listen, ManagedPlan, OwnBus, Patience, subjects};

const SOON: Duration = Duration::from_secs(20);

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

fn link(link: Link, up: bool, version: u8, rate: Option<u64>) -> LinkView {
    LinkView {
        link,
        up,
        full: false,
        version: Some(version),
        rtt_us: None,
        rate,
        clock_offset_ms: None,
        backlog: PerLane::default(),
        backlog_bytes: PerLane::default(),
        oldest_us: PerLane::default(),
        tally: PerLane::default(),
        two_hop: PerLane::default(),
        notes_owed: 0,
    }
}

fn view(link: LinkView) -> View {
    View {
        code: code("1"),
        accepted: 0,
        delivered: 0,
        gaps: 0,
        quarantined: 0,
        late: 0,
        outcomes: [0; 6],
        outcomes_open: 0,
        awaited: 0,
        categories: None,
        inbox_open: true,
        links: vec![link],
        policy_version: 0,
        governed: Arc::default(),
    }
}

/// Tells a text of so many characters; never of day 0.
struct Long(usize);

impl Source for Long {
    fn tell(&self, _: Link, ask: Ask, _: Duration) -> BoxFuture<'_, Told> {
        async move {
            if ask == Ask::Day(Day(0)) {
                std::future::pending::<()>().await;
            }
            Told::Refused("x".repeat(self.0))
        }
        .boxed()
    }
}

/// A parent's bus, its asker, and what its link looks like.
struct Pair {
    asker: Asker,
    seen: watch::Sender<View>,
    bus: OwnBus,
    _directory: TempDir,
}

async fn client(bus: &OwnBus) -> Client {
    let client = bus.link(&code("1")).await.unwrap();
    client.ready(SOON).await.unwrap();
    client
}

/// Hears a subject for one board.
async fn hear(client: &Client, subject: &str, mut ears: Ears) {
    let mut heard = client.subscribe(subject).await.unwrap();
    client.settled(SOON).await.unwrap();
    tokio::spawn(async move {
        while let Some(message) = heard.next().await {
            match Frame::decode(&message.payload).unwrap() {
                Frame::Query(query) => ears.asked(query),
                Frame::Answer(answer) => ears.told(answer),
                other => panic!("{other:?}"),
            }
        }
    });
}

async fn pair(length: usize, rate: u64) -> Pair {
    let directory = TempDir::new().unwrap();
    let (parent, child) = (code("1"), code("1.1"));
    let plan = ManagedPlan {
        station: parent.clone(),
        directory: directory.path().join("bus"),
        listen: Listen::parse("127.0.0.1:0").unwrap(),
        server_path: None,
        children: vec![],
        applications: vec![],
        open: false,
        inbox_bytes_max: 1024 * 1024,
        connections_max: 64,
        patience: Patience::default(),
        tls: None,
    };
    let bus = OwnBus::managed(plan).await.unwrap();
    let (above, below) = (client(&bus).await, client(&bus).await);
    let down = Link::Down(child.clone());
    let (seen, of_parent) = watch::channel(view(link(down.clone(), true, QUERIES_SINCE, None)));
    let (board, _nobody_asks) = Board::open();
    hear(&above, &subjects::up(&child), board.ears(down)).await;
    let lines = Lines::new(parent, None, above.clone(), of_parent, std::slice::from_ref(&child));
    let asker = Asker::new(board, lines);
    let (_, of_child) = watch::channel(view(link(Link::Up, true, QUERIES_SINCE, Some(rate))));
    let (board, questions) = Board::open();
    hear(&below, &subjects::query(&child), board.ears(Link::Up)).await;
    let lines = Lines::new(child, Some(below.clone()), below, of_child, &[]);
    tokio::spawn(Answerer::new(lines, Arc::new(Long(length))).run(questions));
    Pair { asker, seen, bus, _directory: directory }
}

fn down() -> Link {
    Link::Down(code("1.1"))
}

#[tokio::test]
async fn a_long_answer_comes_in_parts_of_the_lines_size_and_is_whole() {
    let pair = pair(10_000, 8_000_000).await;
    let answer = pair.asker.ask(&down(), Ask::Day(Day(1)), SOON).await;
    assert_eq!(answer, Err(Silence::Refused("x".repeat(10_000))));
    pair.bus.stop().await;
}

#[tokio::test]
async fn parts_are_short_on_a_thin_line_and_leave_it_free_between_them() {
    let pair = pair(700, 1_200).await;
    let ears = client(&pair.bus).await;
    let mut heard = ears.subscribe(&subjects::up(&code("1.1"))).await.unwrap();
    ears.settled(SOON).await.unwrap();
    let asked = tokio::time::Instant::now();
    let answer = pair.asker.ask(&down(), Ask::Day(Day(1)), SOON).await;
    assert!(matches!(answer, Err(Silence::Refused(_))), "{answer:?}");
    let took = asked.elapsed();
    let (mut lengths, mut last) = (Vec::new(), false);
    while !last {
        let part = heard.next().await.unwrap().payload;
        lengths.push(part.len() as u64);
        let Frame::Answer(answer) = Frame::decode(&part).unwrap() else { panic!() };
        last = answer.last;
    }
    assert!(lengths.iter().all(|length| *length <= 260), "9.6 kbit/s are held up: {lengths:?}");
    // after each part but the last, so long that a tenth of the line is theirs
    let paused: u64 = lengths.iter().rev().skip(1).sum();
    let least = Duration::from_millis(paused * 10_000 / 1_200);
    assert!(lengths.len() > 2 && took >= least, "{lengths:?} within {took:?}");
    pair.bus.stop().await;
}

#[tokio::test]
async fn a_question_ends_at_its_deadline_or_when_the_link_goes_down_and_leaves_nothing_open() {
    let pair = pair(1, 8_000_000).await;
    let short = Duration::from_millis(50);
    let never = Ask::Day(Day(0));
    let answer = pair.asker.ask(&down(), never.clone(), short).await;
    assert_eq!(answer, Err(Silence::Late(short)));
    let child = down();
    let (answer, ()) = tokio::join!(pair.asker.ask(&child, never.clone(), SOON), async {
        pair.seen.send_replace(view(link(down(), false, QUERIES_SINCE, None)));
    });
    assert_eq!(answer, Err(Silence::LinkDown));
    pair.seen.send_replace(view(link(down(), true, QUERIES_SINCE - 1, None)));
    assert_eq!(pair.asker.ask(&down(), never, SOON).await, Err(Silence::TooOld));
    pair.seen.send_replace(view(link(down(), true, QUERIES_SINCE, None)));
    // as many as may be open at once, one after the other: those that ended left their places
    for _ in 0..300 {
        let _ = pair.asker.ask(&down(), Ask::Day(Day(0)), Duration::ZERO).await;
    }
    let answer = pair.asker.ask(&down(), Ask::Day(Day(1)), SOON).await;
    assert_ne!(answer, Err(Silence::Busy));
    pair.bus.stop().await;
}

#[tokio::test]
async fn an_answer_counts_only_from_the_one_that_was_asked_whole_and_in_order() {
    let (board, _) = Board::open();
    let part = |id, part, last| Answer { id, part, last, body: Bytes::from_static(b"ab") };
    let mut ticket = board.pin(&down()).unwrap();
    board.ears(Link::Down(code("1.2"))).told(part(ticket.id, 0, true));
    assert!(ticket.answer.try_recv().is_err(), "a sibling answers for another");
    let ears = board.ears(down());
    ears.told(part(ticket.id, 0, false));
    ears.told(part(ticket.id, 1, true));
    assert_eq!(ticket.answer.try_recv().unwrap().unwrap(), Bytes::from_static(b"abab"));
    let mut ticket = board.pin(&down()).unwrap();
    ears.told(part(ticket.id, 0, false));
    ears.told(part(ticket.id, 2, true));
    assert!(ticket.answer.try_recv().unwrap().is_err(), "a part is missing");
}

#[test]
fn a_neighbour_that_asks_without_end_is_heard_for_a_while_and_no_other_is_hindered() {
    let (board, mut questions) = Board::open();
    let mut flood = board.ears(down());
    let query = |id| Query { id, deadline_ms: 1_000, ask: Ask::Day(Day(1)) };
    (0..10_000).for_each(|id| flood.asked(query(id)));
    board.ears(Link::Up).asked(query(7));
    let mut heard = Vec::new();
    while let Ok(asked) = questions.try_recv() {
        heard.push(asked.from);
    }
    assert!(heard.len() < 200 && heard.last() == Some(&Link::Up), "{} were heard", heard.len());
}
