//! The door: what the station answers, and the wait for more than `accepted`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use yizhan::catalogue::{InForce, Shelf};
use yizhan::ingest::door::OnlyAccepted;
use yizhan::ingest::{Caller, Door, Goal, Grades, Headers, KeyLook, Read, Received, reply};
use yizhan::mailbox::{self, Asker, LETTERS_MAX, Letter, Return, Slip};
use yizhan_core::draft::{Draft, Known};
use yizhan_core::effect::Verdict;
use yizhan_core::input::Input;
use yizhan_core::record::PublisherKey;
use yizhan_schemas::reply::{Accepted, ErrorCode, Grade, Refusal};
use yizhan_schemas::{Code, MessageId};

use super::{REPORT, bodies, headers};

/// What a publisher over NATS hears.
async fn nats(door: &Door, headers: &Headers, body: Bytes) -> Bytes {
    let draft = match door.read(SUBJECT, headers, body) {
        Ok(Read::Long(draft, wait)) => return reply::bytes(door.submit(draft, wait).await),
        Ok(Read::Plain(draft)) => draft,
        Err(refusal) => return reply::bytes(Err(refusal)),
    };
    let (queue, mut verdicts) = mpsc::channel(1);
    let reply = Return { subject: "here".to_owned(), turn: 1 };
    let slip = Slip { reply, who: "grid".into(), kind: draft.kind.clone() };
    door.hand_plain(draft, Asker::desk(queue, slip.clone()));
    let (kept, verdict) = verdicts.recv().await.unwrap();
    assert_eq!(kept, slip);
    reply::bytes(reply::decided(verdict))
}

const SUBJECT: &str = "yz.submit.incident.report";

/// An index that has heard of nothing, and counts how often it was asked.
#[derive(Default)]
struct Index(AtomicU64);

impl KeyLook for Index {
    fn look(&self, _: &PublisherKey) -> Known {
        Known { through: self.0.fetch_add(1, Ordering::SeqCst) + 1, message: None }
    }
}

/// A station whose messages have come as far as this.
struct Come(Grade);

impl Grades for Come {
    fn targets(&self, _: &MessageId) -> Vec<Code> {
        Vec::new()
    }

    fn now(&self, _: &MessageId) -> Grade {
        self.0
    }

    fn reach<'a>(&'a self, _: &'a MessageId, goal: &'a Goal) -> BoxFuture<'a, ()> {
        let there = match goal {
            Goal::Accepted => true,
            Goal::Relayed(_) => self.0 >= Grade::Relayed,
            Goal::Delivered => self.0 >= Grade::Delivered,
        };
        Box::pin(async move {
            if !there {
                std::future::pending::<()>().await;
            }
        })
    }
}

fn accepted(sequence: usize) -> Accepted {
    Accepted {
        id: MessageId::parse(&format!("510722-b7k2qf-r{sequence}")).unwrap(),
        status: Grade::Accepted,
        station: Code::parse("510722").unwrap(),
        duplicate: false,
        timed_out: false,
    }
}

/// A station that answers each draft by what `decide` says.
fn station(
    grades: impl Grades + 'static,
    mut decide: impl FnMut(Draft) -> Option<Verdict> + Send + 'static,
) -> (Door, Arc<Index>) {
    let (mailbox, mut letters) = mailbox::open();
    tokio::spawn(async move {
        while let Some(letter) = letters.recv().await {
            let Letter::Submit { draft, answer } = letter else { panic!("{letter:?}") };
            match decide(*draft) {
                Some(verdict) => answer.send(verdict),
                None => return,
            }
        }
    });
    let index = Arc::new(Index::default());
    (Door::new(Arc::new(bodies()), mailbox, index.clone(), Arc::new(grades)), index)
}

#[tokio::test]
async fn the_answer_is_the_stations() {
    let (door, _) = station(OnlyAccepted, |_| Some(Verdict::Accepted(accepted(1042))));
    assert_eq!(
        nats(&door, &headers(&[]), REPORT.into()).await,
        r#"{"id":"510722-b7k2qf-r1042","status":"accepted","station":"510722","duplicate":false}"#
    );
    let refusal = Refusal::new(ErrorCode::SpoolFull, "no room for routine messages");
    let (door, _) = station(OnlyAccepted, move |_| Some(Verdict::Refused(refusal.clone())));
    assert_eq!(
        nats(&door, &headers(&[]), REPORT.into()).await,
        r#"{"error":{"code":"spool_full","message":"no room for routine messages"}}"#
    );
}

#[tokio::test]
async fn a_bad_request_never_reaches_the_station() {
    let (door, _) = station(OnlyAccepted, |draft| panic!("{draft:?}"));
    let answer = nats(&door, &headers(&[]), "{".into()).await;
    assert!(answer.starts_with(br#"{"error":{"code":"bad_json","#), "{answer:?}");
}

#[tokio::test]
async fn a_key_is_looked_up_again_when_the_station_asks_for_it_but_not_for_ever() {
    let pairs = headers(&[("Nats-Msg-Id", "1")]);
    let (door, index) = station(OnlyAccepted, |draft| match draft.known.through {
        1 => Some(Verdict::LookAgain),
        _ => Some(Verdict::Accepted(accepted(1))),
    });
    let answer = nats(&door, &pairs, REPORT.into()).await;
    assert!(answer.starts_with(br#"{"id":"#), "{answer:?}");
    assert_eq!(index.0.load(Ordering::SeqCst), 2);
    let (door, index) = station(OnlyAccepted, |_| Some(Verdict::LookAgain));
    assert_eq!(
        nats(&door, &pairs, REPORT.into()).await,
        r#"{"error":{"code":"rate_limited","message":"the index of publishers' keys is behind, so this station cannot tell whether it has this message already; try again shortly"}}"#
    );
    assert_eq!(index.0.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_message_without_a_key_is_not_looked_up() {
    let (door, index) = station(OnlyAccepted, |_| Some(Verdict::Accepted(accepted(1))));
    nats(&door, &headers(&[]), REPORT.into()).await;
    assert_eq!(index.0.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_higher_grade_is_waited_for_as_long_as_was_asked() {
    for (wait, come, status, timed_out, waited_s) in [
        ("accepted", Grade::Delivered, "accepted", false, 0),
        ("delivered", Grade::Delivered, "delivered", false, 0),
        ("relayed:510722.101", Grade::Relayed, "relayed", false, 0),
        ("delivered", Grade::Relayed, "relayed", true, 10),
        ("delivered;3s", Grade::Accepted, "accepted", true, 3),
    ] {
        let (door, _) = station(Come(come), |_| Some(Verdict::Accepted(accepted(1))));
        let began = tokio::time::Instant::now();
        let answer = nats(&door, &headers(&[("Yz-Wait", wait)]), REPORT.into()).await;
        let answer: Accepted = serde_json::from_slice(&answer).unwrap();
        let status: Grade = serde_json::from_value(status.into()).unwrap();
        assert_eq!((answer.status, answer.timed_out), (status, timed_out), "{wait}");
        assert_eq!(began.elapsed().as_secs(), waited_s, "{wait}");
    }
}

#[tokio::test]
async fn a_station_that_stops_says_so() {
    let (door, _) = station(OnlyAccepted, |_| None);
    let answer = nats(&door, &headers(&[]), REPORT.into()).await;
    assert_eq!(
        answer,
        r#"{"error":{"code":"shutting_down","message":"this station is stopping; try again when it is back"}}"#
    );
}

fn batch_of(events: usize) -> String {
    let event = |n: usize| {
        format!(
            r#"{{"specversion":"1.0","id":"{n}","source":"/s","type":"case.note","data":{{"n": {n}}}}}"#
        )
    };
    format!("[{}]", (1..=events).map(event).collect::<Vec<_>>().join(","))
}

#[tokio::test]
async fn a_batch_is_handed_in_whole_and_in_order_before_any_answer() {
    let (mailbox, mut letters) = mailbox::open();
    let door =
        Door::new(Arc::new(bodies()), mailbox, Arc::new(Index::default()), Arc::new(OnlyAccepted));
    let station = tokio::spawn(async move {
        let mut held = Vec::new();
        while held.len() < 1000 {
            let Some(Letter::Submit { draft, answer }) = letters.recv().await else { panic!() };
            held.push((draft.ce_id.clone().unwrap(), answer));
        }
        let order: Vec<_> = held.iter().map(|(id, _)| id.parse::<usize>().unwrap()).collect();
        // answered the other way round: the receipts' order must not depend on it
        for (id, answer) in held.into_iter().rev() {
            answer.send(Verdict::Accepted(accepted(id.parse().unwrap())));
        }
        order
    });
    let pairs = headers(&[("content-type", "application/cloudevents-batch+json")]);
    let received = door.http(&pairs, batch_of(1000).into(), Caller::Publisher).await.unwrap();
    assert_eq!(station.await.unwrap(), (1..=1000).collect::<Vec<_>>());
    let Received::Batch(answers) = received else { panic!("{received:?}") };
    let (kinds, answers): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
    assert!(kinds.iter().all(Option::is_some));
    let wanted: Vec<_> = (1..=1000).map(|n| Ok(accepted(n))).collect();
    assert!(answers == wanted, "{:?}", answers.first());
}

#[tokio::test]
async fn a_full_mailbox_answers_at_once() {
    // the loop's end is kept open and never read
    let (mailbox, _letters) = mailbox::open();
    for _ in 0..LETTERS_MAX {
        assert!(mailbox.tell(Input::Connected).await);
    }
    let door =
        Door::new(Arc::new(bodies()), mailbox, Arc::new(Index::default()), Arc::new(OnlyAccepted));
    let answer = nats(&door, &headers(&[]), REPORT.into()).await;
    assert!(answer.starts_with(br#"{"error":{"code":"rate_limited","#), "{answer:?}");
}

#[tokio::test]
async fn a_command_without_an_address_goes_where_its_camera_hangs() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("catalogue.csv");
    let rows = "id,name,kind,network,jurisdiction,hangs_under\n\
        51072210001320000001,东门,camera,天网,510722.101.002,510722\n\
        51072210001320000002,喇叭,loudspeaker,应急广播,510722.101.002,\n";
    std::fs::write(&file, rows).unwrap();
    let shelf = Shelf::open(Some(file), 10).unwrap();
    let (mailbox, _letters) = mailbox::open();
    let door = |catalogue| {
        let index = Arc::new(Index::default());
        Door::new(Arc::new(bodies()), mailbox.clone(), index, Arc::new(OnlyAccepted))
            .knowing(catalogue)
    };
    let read = |door: &Door, to: &[(&str, &str)], last: u8| {
        let body = format!(r#"{{"device_id":"5107221000132000000{last}","command":"open"}}"#);
        match door.read("yz.submit.video.dispatch", &headers(to), body.into()) {
            Ok(Read::Plain(draft)) => Ok(draft.to.unwrap().to_string()),
            Ok(other) => panic!("{other:?}"),
            Err(refusal) => Err((refusal.code, refusal.message)),
        }
    };
    let known = door(shelf.in_force());
    assert_eq!(read(&known, &[], 1), Ok("510722".to_owned()));
    assert_eq!(read(&known, &[("Yz-To", "510722.101")], 1), Ok("510722.101".to_owned()));
    for (door, last, says) in [
        (&known, 3, "the catalogue of this station has no such device"),
        (&known, 2, "the catalogue of this station has no such device"),
        (&door(InForce::default()), 1, "this station has no catalogue of devices"),
    ] {
        let (code, said) = read(door, &[], last).unwrap_err();
        assert_eq!(code, ErrorCode::ToMissing);
        assert!(said.contains(says) && said.contains("Yz-To"), "{said}");
    }
}
