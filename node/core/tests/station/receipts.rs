//! What becomes of messages is known at their origins, once.

use yizhan_core::effect::{Notice, Verdict};
use yizhan_core::input::{Attempted, Input, Ticket};
use yizhan_core::record::Record;
use yizhan_schemas::payload::receipt::Event;
use yizhan_schemas::{Answer, MessageId, Outcome};

use crate::chain::Chain;

const CODES: [&str; 3] = ["510722", "510722.101", "510722.101.002"];

fn line() -> Chain {
    Chain::of(&CODES)
}

fn outcomes(chain: &Chain, at: usize, outcome: Outcome) -> u64 {
    chain.benches[at].station.kept().outcomes.ended(outcome)
}

/// What an origin has written about one of its messages.
pub(crate) fn told(chain: &Chain, at: usize, id: &MessageId) -> Vec<(String, Event)> {
    let mut told = Vec::new();
    for record in chain.benches[at].records() {
        let notes: Vec<_> = match record {
            Record::Noted(routed) => vec![routed],
            Record::FoldTaken(taken) => taken.notes.iter().collect(),
            _ => continue,
        };
        for routed in notes.into_iter().filter(|routed| routed.toward.is_none()) {
            if routed.note.ids(10_000).any(|one| one == *id) {
                let at = routed.note.stations.iter().map(ToString::to_string);
                told.extend(at.map(|station| (station, routed.note.event.clone())));
            }
        }
    }
    told
}

#[test]
fn a_report_that_was_delivered_two_hops_away_is_known_to_be_at_its_village() {
    let mut chain = line();
    for _ in 0..20 {
        chain.publish(2, "incident.report", "up", None);
    }
    let id = chain.last_id();
    chain.wait_ms(1_000);
    assert_eq!((chain.inboxes[0].len(), outcomes(&chain, 2, Outcome::Delivered)), (20, 20));
    assert!(!chain.is_open(2, &id, 0));
    let delivered = Event::Ended { outcome: Outcome::Delivered, detail: None };
    assert_eq!(told(&chain, 2, &id), [("510722".to_owned(), delivered)]);
}

#[test]
fn receipts_cause_no_receipts_and_enter_no_inbox() {
    let mut chain = line();
    chain.publish(0, "directive.issue", "510722.>", None);
    chain.wait_ms(5_000);
    let folds = |chain: &Chain| {
        let records = chain.benches.iter().flat_map(|bench| bench.records());
        let fold = |record: &&Record| match record {
            Record::Put(put) => put.envelope.header().kind.is_internal(),
            _ => false,
        };
        records.filter(fold).count()
    };
    let before = folds(&chain);
    assert!(before > 0);
    chain.wait_ms(10_000);
    assert_eq!(folds(&chain), before, "silence");
    assert!(chain.inboxes.iter().all(|inbox| inbox.len() == 1));
    assert_eq!(outcomes(&chain, 0, Outcome::Delivered), 3);
    assert!(chain.benches.iter().all(|bench| bench.station.kept().owing.is_empty()));
}

#[test]
fn receipts_wait_for_a_link_that_is_down_and_survive_a_restart() {
    let mut chain = line();
    chain.publish(0, "directive.issue", "510722.101.002", None);
    let id = chain.last_id();
    // the village took it, but its receipt cannot get out
    chain.cut.insert(2);
    let said = chain.benches[2].restart();
    chain.said(2, said);
    chain.open_inbox(2);
    chain.wait_ms(500);
    chain.cut.clear();
    chain.tell(2, Input::Connected);
    chain.wait_ms(1_000);
    assert!(!chain.is_open(0, &id, 2));
    assert_eq!(outcomes(&chain, 0, Outcome::Delivered), 1);
}

#[test]
fn an_answer_travels_back_and_changes_no_outcome() {
    let mut chain = line();
    chain.publish(0, "directive.issue", "510722.101.002", None);
    let id = chain.last_id();
    chain.wait_ms(500);
    let (ticket, answer) = (Ticket(7), Answer::Completed);
    let remark = Some("沙袋已到位".to_owned());
    chain.tell(2, Input::Answered { ticket, id: id.clone(), answer, remark: remark.clone() });
    assert_eq!(chain.heard.last(), Some(&Verdict::Noted));
    chain.wait_ms(1_000);
    let answered = ("510722.101.002".to_owned(), Event::Answered { answer, remark });
    assert!(told(&chain, 0, &id).contains(&answered));
    assert_eq!(outcomes(&chain, 0, Outcome::Delivered), 1);
}

#[test]
fn an_answer_to_what_was_never_here_is_refused() {
    let mut chain = line();
    let id = MessageId::parse("510722-aaaaaa-r1").unwrap();
    let (ticket, answer) = (Ticket(7), Answer::Acknowledged);
    chain.tell(2, Input::Answered { ticket, id, answer, remark: None });
    assert!(matches!(chain.heard.last(), Some(Verdict::Refused(_))));
}

#[test]
fn on_its_targets_disk_is_not_in_its_inbox() {
    let mut chain = line();
    // the county's bus refuses its inbox; the report waits in the county's custody
    chain.tell(0, Input::InboxClosed);
    chain.publish(2, "incident.report", "up", None);
    chain.wait_ms(1_000);
    let id = chain.last_id();
    assert!(chain.is_open(2, &id, 0));
    chain.open_inbox(0);
    chain.wait_ms(1_000);
    assert!(!chain.is_open(2, &id, 0));
}

#[test]
fn a_command_whose_time_is_over_ends_where_it_waits_and_its_sender_is_told() {
    let mut chain = line();
    chain.cut.insert(2);
    chain.wait_ms(11_000);
    chain.publish(0, "video.dispatch", "510722.101.002", Some(2_000));
    let id = chain.last_id();
    chain.wait_ms(3_000);
    assert!(!chain.is_open(0, &id, 2), "the township knows that it never left");
    assert_eq!(outcomes(&chain, 0, Outcome::Expired), 1);
    chain.cut.clear();
    chain.tell(2, Input::Disconnected);
    chain.tell(2, Input::Connected);
    chain.wait_ms(5_000);
    assert!(chain.asked.is_empty(), "it is not run when the link returns");
}

#[test]
fn a_command_that_may_have_arrived_is_the_receivers_to_judge() {
    let mut chain = line();
    // the village does not answer any more, but its township does not know yet
    chain.cut.insert(2);
    chain.publish(0, "video.dispatch", "510722.101.002", Some(2_000));
    let id = chain.last_id();
    chain.wait_ms(5_000);
    assert!(chain.is_open(0, &id, 2), "nobody can say yet");
    chain.cut.clear();
    chain.wait_ms(15_000);
    assert!(chain.asked.is_empty());
    assert_eq!(outcomes(&chain, 0, Outcome::Expired), 1);
}

#[test]
fn each_answer_of_an_adapter_has_its_outcome() {
    let (mut chain, mut count) = (line(), 0);
    for (result, outcome, answer) in [
        (Attempted::Done(Some("{}".into())), Outcome::Delivered, Some(Answer::Completed)),
        (Attempted::Failed("busy".into()), Outcome::Delivered, Some(Answer::Failed)),
        (Attempted::NoSuchDevice("34…".into()), Outcome::Rejected, None),
        (Attempted::NoAdapter, Outcome::Rejected, None),
        (Attempted::Forbidden("not above".into()), Outcome::Rejected, None),
        (Attempted::Unfit("no device_id".into()), Outcome::Rejected, None),
        (Attempted::Expired, Outcome::Expired, None),
        (Attempted::Unknown, Outcome::DeadLettered, None),
    ] {
        chain.adapter = Some(result.clone());
        chain.publish(0, "video.dispatch", "510722.101.002", None);
        let id = chain.last_id();
        chain.wait_ms(1_000);
        count += 1;
        assert_eq!(chain.asked.len(), count);
        let told = told(&chain, 0, &id);
        let ended = |(_, event): &(String, Event)| match event {
            Event::Ended { outcome: told, .. } => *told == outcome,
            _ => false,
        };
        assert!(told.iter().any(ended), "{result:?}: {told:?}");
        let answered = told.iter().find_map(|(_, event)| match event {
            Event::Answered { answer, .. } => Some(*answer),
            _ => None,
        });
        assert_eq!(answered, answer, "{result:?}");
    }
    assert!(chain.inboxes.iter().all(Vec::is_empty), "30 days there would be stale");
}

#[test]
fn a_command_under_way_when_the_station_died_is_given_up_and_never_run_again() {
    // of any name: the whole family is for adapters
    for kind in ["video.dispatch", "video.ptz"] {
        let mut chain = line();
        chain.adapter = None; // it hangs
        chain.publish(0, kind, "510722.101.002", None);
        let id = chain.last_id();
        assert_eq!(chain.asked.len(), 1);
        let said = chain.benches[2].restart();
        chain.said(2, said);
        chain.tell(2, Input::Connected);
        chain.wait_ms(2_000);
        assert_eq!(chain.asked.len(), 1, "not asked again");
        assert!(!chain.is_open(0, &id, 2));
        assert_eq!(outcomes(&chain, 0, Outcome::DeadLettered), 1);
    }
}

#[test]
fn a_slow_device_does_not_hold_up_the_commands_for_others() {
    let mut chain = line();
    chain.adapter = None;
    for _ in 0..5 {
        chain.publish(0, "video.dispatch", "510722.101.002", None);
    }
    assert_eq!(chain.asked.len(), 5);
    let (lane, id) = (yizhan_schemas::Lane::Routine, chain.asked[4].1.clone());
    chain.tell(2, Input::Attempted { lane, leg: 5, id: id.clone(), result: Attempted::Done(None) });
    chain.wait_ms(1_000);
    assert!(!chain.is_open(0, &id, 2));
    assert_eq!(chain.benches[0].station.kept().outcomes.open(), 4);
}

#[test]
fn a_broadcast_goes_to_the_loudspeakers_where_some_hang_and_into_the_inbox_elsewhere() {
    let mut chain = line();
    chain.adapter = Some(Attempted::Failed("3/4 loudspeakers did it".into()));
    chain.tell(2, Input::Loudspeakers(true));
    chain.publish(0, "broadcast.issue", "510722.>", None);
    let id = chain.last_id();
    chain.wait_ms(2_000);
    assert_eq!(chain.asked, [(2, id.clone())]);
    let inbox = |chain: &Chain, at: usize| chain.inboxes[at].clone();
    assert_eq!([inbox(&chain, 0), inbox(&chain, 1)], [vec![id.clone()], vec![id]]);
    assert_eq!(inbox(&chain, 2), []);
    assert_eq!(outcomes(&chain, 0, Outcome::Delivered), 3);
    // a directive is for people all the same
    chain.publish(0, "directive.issue", "510722.101.002", None);
    // and when the last loudspeaker is gone, so is a broadcast
    chain.tell(2, Input::Loudspeakers(false));
    chain.publish(0, "broadcast.issue", "510722.101.002", None);
    chain.wait_ms(2_000);
    assert_eq!((chain.asked.len(), inbox(&chain, 2).len()), (1, 2));
}

/// Folds that a station has put.
fn folds(chain: &Chain, at: usize) -> usize {
    let fold = |record: &&Record| match record {
        Record::Put(put) => put.envelope.header().kind.is_internal(),
        _ => false,
    };
    chain.benches[at].records().iter().filter(fold).count()
}

fn answer(chain: &mut Chain, at: usize, id: &MessageId) {
    let (ticket, answer) = (Ticket(7), Answer::Completed);
    chain.tell(at, Input::Answered { ticket, id: id.clone(), answer, remark: None });
}

#[test]
fn while_a_fold_is_on_its_way_others_gather_and_go_as_one() {
    let mut chain = line();
    let mut ids = Vec::new();
    for _ in 0..6 {
        chain.publish(0, "directive.issue", "510722.101.002", None);
        ids.push(chain.last_id());
    }
    chain.wait_ms(1_000);
    let before = folds(&chain, 2);
    // what the village says is lost on the way
    chain.cut.insert(2);
    for id in &ids {
        answer(&mut chain, 2, id);
        chain.wait_ms(200);
    }
    assert_eq!(folds(&chain, 2), before + 1, "one that is not acked");
    chain.cut.clear();
    chain.wait_ms(5_000);
    assert_eq!(folds(&chain, 2), before + 2, "and one for all the rest");
    for id in &ids {
        let answered = |(_, event): &(String, Event)| matches!(event, Event::Answered { .. });
        assert_eq!(told(&chain, 0, id).iter().filter(|it| answered(it)).count(), 1);
    }
}

#[test]
fn flash_is_told_at_once_and_the_rest_ten_times_a_second() {
    let mut chain = line();
    let publish = |chain: &mut Chain, precedence| {
        let mut input = crate::bench::submitted(1, "directive.issue", "510722.101.002", None);
        if let Input::Submitted { draft, .. } = &mut input {
            draft.precedence = precedence;
        }
        chain.tell(0, input);
        chain.last_id()
    };
    chain.wait_ms(1_000);
    let first = publish(&mut chain, None);
    assert!(!chain.is_open(0, &first, 2), "nothing was told lately");
    let second = publish(&mut chain, None);
    assert!(chain.is_open(0, &second, 2), "that was just now");
    for _ in 0..3 {
        let flash = publish(&mut chain, Some(yizhan_schemas::Lane::Flash));
        assert!(!chain.is_open(0, &flash, 2));
    }
    chain.wait_ms(50);
    assert!(chain.is_open(0, &second, 2));
    chain.wait_ms(200);
    assert!(!chain.is_open(0, &second, 2));
}

#[test]
fn what_is_told_says_when_it_happened_and_is_counted_once() {
    let mut chain = line();
    for _ in 0..20 {
        chain.publish(0, "directive.issue", "510722.>", None);
    }
    chain.wait_ms(1_000);
    let started_s = 1_700_000_000;
    let mut at_s = chain.benches[2].records().iter().filter_map(|record| match record {
        Record::Noted(routed) => Some(routed.note.at_s),
        _ => None,
    });
    assert!(at_s.all(|at_s| (started_s..started_s + 2).contains(&at_s)));
    let resolved: Vec<_> = chain
        .notices
        .iter()
        .filter_map(|(at, notice)| match notice {
            Notice::Resolved { outcome, pairs } => Some((*at, *outcome, *pairs)),
            _ => None,
        })
        .collect();
    let delivered = |it: &(usize, Outcome, u64)| (it.0, it.1) == (0, Outcome::Delivered);
    assert!(resolved.iter().all(|it| delivered(it) && it.2 > 0), "{resolved:?}");
    assert_eq!(resolved.iter().map(|it| it.2).sum::<u64>(), 60);
}
