//! The journal over a real log and a real index.

mod memory;

use tempfile::TempDir;
use yizhan_core::link::Link;
use yizhan_core::record::{Cursor, Ended, FoldTaken, Leg, Put, Record, Routed, Via};
use yizhan_core::time::BootId;
use yizhan_schemas::frame::{Chain, SkipReason};
use yizhan_schemas::payload::receipt::{Event, Note};
use yizhan_schemas::reply::Grade;
use yizhan_schemas::{Answer, Envelope, Epoch, Header, Kind, Lane, Outcome, Selector};

use super::*;
use crate::driver::Observer as _;
use crate::spool::{Log, Options};

const VILLAGE: &str = "510722.101.002";
const TOWNSHIP: &str = "510722.101";
const COUNTY: &str = "510722";
/// A moment in 2026, Unix seconds.
const AT_S: u64 = 1_795_000_000;

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

fn id(sequence: u64) -> MessageId {
    MessageId { origin: code(VILLAGE), epoch: Epoch::from_random(1), lane: Lane::Routine, sequence }
}

/// A message of the village with one leg to its parent, leg and sequence being the same.
fn put(sequence: u64, kind: &str, targets: &[&str]) -> Record {
    let MessageId { origin, epoch, lane, sequence } = id(sequence);
    let header = Header::plain(
        MessageId { origin, epoch, lane, sequence },
        Kind::parse(kind).unwrap(),
        Selector::up(),
        AT_S * 1000,
    );
    Record::Put(Put {
        envelope: Envelope::make(header, b"{}").unwrap(),
        via: None,
        age_ms: 0,
        age_unknown: false,
        hops: 0,
        boot: BootId(1),
        taken_boot_ms: 1,
        taken_wall_ms: (AT_S + sequence) * 1000,
        legs: vec![Leg { link: Link::Up, sequence, chain: Chain::default() }],
        key: None,
        late: false,
        targets: targets.iter().map(|text| code(text)).collect(),
        under: None,
        opens: false,
    })
}

/// The same, taken at that second.
pub(super) fn put_at(sequence: u64, kind: &str, at_s: u64) -> Record {
    let Record::Put(put) = put(sequence, kind, &[COUNTY]) else { panic!() };
    Record::Put(Put { taken_wall_ms: at_s * 1000, ..put })
}

pub(super) fn noted(sequences: (u64, u64), station: &str, event: Event) -> Record {
    let note =
        Note { ranges: vec![sequences], at_s: AT_S, ..Note::of(&id(1), code(station), event, 0) };
    Record::Noted(Routed { toward: None, note })
}

pub(super) fn ended(outcome: Outcome, detail: Option<&str>) -> Event {
    Event::Ended { outcome, detail: detail.map(str::to_owned) }
}

fn handed_over(through: u64) -> Record {
    Record::HandedOver(Cursor { link: Link::Up, lane: Lane::Routine, through })
}

/// A village's log with its journal; a restart is a new one in the same directory.
struct Village {
    log: Log,
    feed: Feed,
    journal: Journal,
}

impl Village {
    fn open(data: &TempDir) -> Self {
        let opened = Log::open(data.path(), Options::default(), &mut |_| ()).unwrap();
        let log = opened.log;
        let (index, _) = Messages::open(data.path(), log.last_commit()).unwrap();
        let plan = JournalPlan {
            here: code(VILLAGE),
            parent: Some(code(TOWNSHIP)),
            data: data.path().to_owned(),
            last_commit: log.last_commit(),
            volume: log.reader(),
            index,
            legs: Arc::new(log.reader()),
            heard: Box::new(|| false),
        };
        let (journal, feed) = Journal::open(plan).unwrap();
        Self { log, feed, journal }
    }

    fn commit(&mut self, records: &[Record]) {
        self.commit_unheard(records);
        self.feed.durable(self.log.last_commit());
        self.feed.committed(self.log.last_commit(), records);
    }

    /// As if the station ended before its journal heard of it.
    fn commit_unheard(&mut self, records: &[Record]) {
        self.log.append(records).unwrap();
        self.log.sync().unwrap();
    }

    async fn status(&self, sequence: u64) -> Option<MessageStatus> {
        self.journal.status_now(&id(sequence)).await
    }

    /// Ends it and waits until its index is free again.
    fn close(self) {
        let Self { log, feed, journal } = self;
        drop(feed);
        // the thread holds one; when it ends, ours is the last
        while Arc::strong_count(&journal.book) > 1 {
            std::thread::yield_now();
        }
        drop((log, journal));
    }
}

fn outcomes(status: &MessageStatus) -> Vec<(&str, Option<&str>)> {
    status.targets.iter().map(|t| (t.station.as_str(), t.outcome.as_deref())).collect()
}

fn trail(status: &MessageStatus) -> Vec<String> {
    status.trail.iter().map(|t| format!("{} {}", t.station, t.event)).collect()
}

#[tokio::test]
async fn an_origin_shows_each_target_with_its_first_outcome_and_its_last_answer() {
    let data = TempDir::new().unwrap();
    let mut village = Village::open(&data);
    village.commit(&[put(1, "directive.issue", &[TOWNSHIP, COUNTY])]);
    let status = village.status(1).await.unwrap();
    assert_eq!(status.grade, Grade::Accepted);
    assert_eq!(outcomes(&status), [(TOWNSHIP, None), (COUNTY, None)]);

    village.commit(&[handed_over(1), noted((1, 1), TOWNSHIP, Event::Relayed)]);
    let status = village.status(1).await.unwrap();
    assert_eq!(status.grade, Grade::Relayed);
    let way = [
        format!("{VILLAGE} accepted"),
        format!("{TOWNSHIP} handed_over"),
        format!("{TOWNSHIP} relayed"),
    ];
    assert_eq!(trail(&status), way);

    let answer = |answer, remark: &str| Event::Answered { answer, remark: Some(remark.to_owned()) };
    village.commit(&[
        noted((1, 1), COUNTY, answer(Answer::Acknowledged, "seen")),
        noted((1, 1), COUNTY, ended(Outcome::Delivered, None)),
        noted((1, 1), COUNTY, ended(Outcome::Expired, Some("later"))),
        noted((1, 1), COUNTY, answer(Answer::Completed, "done")),
        noted((1, 1), TOWNSHIP, ended(Outcome::Rejected, Some("no_adapter: nobody"))),
    ]);
    let status = village.status(1).await.unwrap();
    assert_eq!(outcomes(&status), [(TOWNSHIP, Some("rejected")), (COUNTY, Some("delivered"))]);
    let [township, county] = status.targets.as_slice() else { panic!("{status:?}") };
    assert_eq!(township.detail.as_deref(), Some("no_adapter: nobody"));
    assert_eq!(county.answer.as_deref(), Some("completed"));
    assert_eq!(county.detail.as_deref(), Some("done"));
    assert_eq!(county.at.as_deref(), Some("2026-11-18T11:06:40Z"));
    assert_eq!(status.grade, Grade::Relayed, "one of two has it");
    village.close();
}

#[tokio::test]
async fn notes_that_come_in_a_fold_count_for_runs_of_messages() {
    let data = TempDir::new().unwrap();
    let mut village = Village::open(&data);
    let puts: Vec<Record> = (1..=4).map(|n| put(n, "incident.report", &[COUNTY])).collect();
    village.commit(&puts);
    let note = Note {
        ranges: vec![(1, 2), (4, 90)],
        ..Note::of(&id(1), code(COUNTY), ended(Outcome::Delivered, None), AT_S)
    };
    village.commit(&[Record::FoldTaken(FoldTaken {
        link: Link::Up,
        sequence: 1,
        id: id(9),
        notes: vec![Routed { toward: None, note }],
    })]);
    let mut grades = Vec::new();
    for sequence in 1..=4 {
        grades.push(village.status(sequence).await.unwrap().grade);
    }
    use Grade::{Accepted, Delivered};
    assert_eq!(grades, [Delivered, Delivered, Accepted, Delivered]);
    assert_eq!(village.status(5).await, None);
    village.close();
}

#[tokio::test]
async fn what_was_known_before_a_restart_is_known_after_it_and_what_was_missed_is_read_up() {
    let data = TempDir::new().unwrap();
    let mut village = Village::open(&data);
    let puts: Vec<Record> = (1..=3).map(|n| put(n, "incident.report", &[COUNTY])).collect();
    village.commit(&puts);
    village.commit(&[noted((1, 1), COUNTY, ended(Outcome::Delivered, None))]);
    village.status(1).await.unwrap();
    let run = Ended {
        link: Link::Up,
        lane: Lane::Routine,
        from: 2,
        through: 2,
        reason: SkipReason::Expired,
    };
    village.commit_unheard(&[Record::Ended(run), handed_over(1)]);
    village.commit_unheard(&[noted((2, 2), COUNTY, ended(Outcome::Expired, None))]);
    village.close();

    let mut village = Village::open(&data);
    let first = village.status(1).await.unwrap();
    assert_eq!(first.grade, Grade::Delivered);
    assert_eq!(trail(&first), [format!("{VILLAGE} accepted"), format!("{TOWNSHIP} handed_over")]);
    let second = village.status(2).await.unwrap();
    assert_eq!(outcomes(&second), [(COUNTY, Some("expired"))]);
    // legs of before the restart, one of them ended: the log knows what they were
    village.commit(&[handed_over(3)]);
    assert_eq!(trail(&village.status(2).await.unwrap()), [format!("{VILLAGE} accepted")]);
    let third = village.status(3).await.unwrap();
    assert_eq!(trail(&third), [format!("{VILLAGE} accepted"), format!("{TOWNSHIP} handed_over")]);
    village.close();

    let village = Village::open(&data);
    assert_eq!(village.status(1).await.unwrap(), first, "each thing once, however often read");
    assert_eq!(village.journal.synced().load(Ordering::Acquire), village.log.last_commit());
    village.close();
}

#[tokio::test]
async fn a_journal_that_does_not_keep_up_stops_nobody_and_misses_nothing() {
    let data = TempDir::new().unwrap();
    let mut village = Village::open(&data);
    village.commit(&[put(1, "incident.report", &[COUNTY])]);
    village.status(1).await.unwrap();
    let book = Arc::clone(&village.journal.book);
    let held = book.lock().unwrap();
    for sequence in 2..=20 {
        village.commit(&[put(sequence, "incident.report", &[COUNTY])]);
    }
    drop(held);
    drop(book);
    village.commit(&[noted((1, 20), COUNTY, ended(Outcome::Delivered, None))]);
    for sequence in 1..=20 {
        let grade = village.status(sequence).await.map(|status| status.grade);
        assert_eq!(grade, Some(Grade::Delivered), "{sequence}");
    }
    village.close();
}

#[tokio::test]
async fn messages_taken_together_are_told_apart_as_soon_as_something_else_happens_to_some() {
    let data = TempDir::new().unwrap();
    let mut village = Village::open(&data);
    let puts: Vec<Record> = (1..=1000).map(|n| put_at(n, "incident.report", AT_S)).collect();
    village.commit(&puts);
    village.commit(&[handed_over(400)]);
    village.close();
    // what was one row of the index is cut, by notes and by cursors
    let mut village = Village::open(&data);
    village.commit(&[noted((300, 500), COUNTY, ended(Outcome::Delivered, None))]);
    village.commit(&[handed_over(600), noted((1000, 1000), COUNTY, Event::Relayed)]);
    let grades = |village: &Village| {
        let of = |n| village.journal.status(&id(n)).unwrap();
        let all: Vec<_> = (1..=1000).map(of).collect();
        for (status, n) in all.iter().zip(1..) {
            assert_eq!(status.id, id(n));
            let over = trail(status).contains(&format!("{TOWNSHIP} handed_over"));
            assert_eq!(over, n <= 600, "{n}");
        }
        let count = |grade| all.iter().filter(|status| status.grade == grade).count();
        [Grade::Accepted, Grade::Relayed, Grade::Delivered].map(count)
    };
    village.status(1).await.unwrap();
    assert_eq!(grades(&village), [399, 400, 201]);
    let delivered = Query { state: Some(State::Grade(Grade::Delivered)), ..Query::default() };
    let found = village.journal.list(&delivered).await;
    let ids: Vec<u64> = found.messages.iter().map(|status| status.id.sequence).collect();
    assert_eq!(ids, (401..=500).rev().collect::<Vec<_>>(), "one page of a list");
    village.close();
    let village = Village::open(&data);
    assert_eq!(grades(&village), [399, 400, 201], "and so it is out of the index");
    let rest = Query { before: found.cursor.map(|c| c.parse().unwrap()), ..delivered };
    let rest = village.journal.list(&rest).await.messages;
    let ids: Vec<u64> = rest.iter().map(|status| status.id.sequence).take(101).collect();
    assert_eq!(ids.first(), Some(&400));
    village.close();
}

#[tokio::test]
async fn a_search_gives_the_last_first_page_by_page() {
    let data = TempDir::new().unwrap();
    let mut village = Village::open(&data);
    let kind = |n| if n % 2 == 0 { "incident.report" } else { "case.open" };
    let puts: Vec<Record> = (1..=250).map(|n| put(n, kind(n), &[COUNTY])).collect();
    village.commit(&puts);
    village.commit(&[noted((1, 200), COUNTY, ended(Outcome::Delivered, None))]);
    village.close();
    // half of it out of the index, half out of memory
    let mut village = Village::open(&data);
    let puts: Vec<Record> = (251..=260).map(|n| put(n, kind(n), &[COUNTY])).collect();
    village.commit(&puts);
    village.commit(&[noted((240, 260), COUNTY, ended(Outcome::Rejected, Some("why")))]);

    let mut query = Query { kind: Some(Kind::parse("case.open").unwrap()), ..Query::default() };
    let mut found = Vec::new();
    loop {
        let listing = village.journal.list(&query).await;
        assert!(listing.messages.len() <= 100);
        found.extend(listing.messages.iter().map(|status| status.id.sequence));
        let Some(cursor) = listing.cursor else { break };
        query.before = Some(cursor.parse().unwrap());
    }
    let odd: Vec<u64> = (1..=260).rev().filter(|n| n % 2 == 1).collect();
    assert_eq!(found, odd);

    let of = |state| Query { state: Some(state), ..Query::default() };
    let count = |listing: Listing| listing.messages.len();
    let rejected = of(State::Ended(Outcome::Rejected));
    assert_eq!(count(village.journal.list(&rejected).await), 21);
    assert_eq!(count(village.journal.list(&of(State::Open)).await), 39);
    let since = Query { since: Some("2026-11-18T11:10:50Z".parse().unwrap()), ..Query::default() };
    assert_eq!(count(village.journal.list(&since).await), 11, "taken in seconds 250 to 260");
    village.close();
}

#[tokio::test]
async fn folds_are_nobodys_messages_and_what_passes_is_shown_as_far_as_it_is_known() {
    let data = TempDir::new().unwrap();
    let mut village = Village::open(&data);
    let Record::Put(mut passing) = put(1, "directive.issue", &[]) else { panic!() };
    passing.via = Some(Via { link: Link::Up, sequence: 7 });
    passing.legs.clear();
    village.commit(&[Record::Put(passing), put(2, "receipt.fold", &[])]);
    village.commit(&[noted((1, 2), VILLAGE, ended(Outcome::Delivered, None))]);
    assert_eq!(village.status(2).await, None);
    let status = village.status(1).await.unwrap();
    assert_eq!(status.accepted_at, None);
    assert_eq!(trail(&status), [format!("{VILLAGE} received"), format!("{VILLAGE} delivered")]);
    assert_eq!(outcomes(&status), [(VILLAGE, Some("delivered"))]);
    village.close();
}

#[test]
fn a_query_that_cannot_be_is_refused_with_the_member_that_is_wrong() {
    let read = |name: &'static str, value: &'static str| {
        Query::read(|asked| (asked == name).then(|| value.to_owned()))
    };
    for (name, value) in [
        ("kind", "Report"),
        ("origin", "a b"),
        ("since", "yesterday"),
        ("state", "lost"),
        ("cursor", "x"),
    ] {
        let fault = read(name, value).unwrap_err().to_string();
        assert!(fault.starts_with(&format!("query {name}: ")), "{fault}");
    }
    assert_eq!(read("state", "open").unwrap().state, Some(State::Open));
    assert_eq!(read("state", "relayed").unwrap().state, Some(State::Grade(Grade::Relayed)));
}
