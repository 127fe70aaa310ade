use super::*;

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

const VILLAGES: [&str; 2] = ["1.1.1", "1.1.2"];

fn id(number: u32) -> String {
    format!("1.1.1-b7k2qf-r{number}")
}

/// Three reports for the county and a directive for two villages, all accepted.
fn accepted() -> Ledger {
    let mut ledger = Ledger::default();
    let mut enter = |key: &str, number: u32, origin: &str, targets: &[&str]| {
        ledger.publish(key, &code(origin), &targets.iter().map(|at| code(at)).collect());
        ledger.settle(key, Fate::Accepted(MessageId::parse(&id(number)).unwrap()));
    };
    for number in 1..=3 {
        enter(&format!("call-{number}"), number, "1.1.1", &["1"]);
    }
    enter("directive-1", 4, "1", &VILLAGES);
    ledger
}

/// Inboxes with everything where it belongs.
fn everything() -> Harvest {
    let mut harvest = Harvest::default();
    for number in 1..=3 {
        see(&mut harvest, "1", &format!("call-{number}"), number);
    }
    for village in VILLAGES {
        see(&mut harvest, village, "directive-1", 4);
    }
    harvest
}

fn see(harvest: &mut Harvest, station: &str, key: &str, number: u32) {
    harvest.add(&code(station), Seen { id: id(number), key: key.to_owned() });
}

fn problems(ledger: &Ledger, harvest: &Harvest) -> Vec<String> {
    let verdict = ledger.verdict(harvest);
    let all: Vec<_> = verdict.problems().map(|(word, what)| format!("{word}: {what}")).collect();
    assert_eq!(verdict.is_good(), all.is_empty());
    all
}

#[test]
fn all_that_was_accepted_exactly_where_it_should_be_is_good() {
    let (ledger, harvest) = (accepted(), everything());
    assert!(ledger.is_complete(&harvest));
    assert_eq!(problems(&ledger, &harvest), [""; 0]);
    let verdict = ledger.verdict(&harvest);
    assert_eq!((verdict.published, verdict.accepted, verdict.delivered), (4, 4, 5));
    let directives = ledger.part(|_, origin| *origin == code("1"));
    let verdict = directives.verdict(&harvest.of(&directives));
    assert_eq!((verdict.accepted, verdict.delivered, verdict.is_good()), (1, 2, true));
}

#[test]
fn a_loss_is_named_by_both_its_ids_and_its_place() {
    let (ledger, mut harvest) = (accepted(), everything());
    harvest.0.get_mut(&code("1")).unwrap().remove(1);
    harvest.0.remove(&code("1.1.2"));
    assert!(!ledger.is_complete(&harvest));
    assert_eq!(
        problems(&ledger, &harvest),
        ["lost: call-2 (1.1.1-b7k2qf-r2) at 1", "lost: directive-1 (1.1.1-b7k2qf-r4) at 1.1.2"]
    );
}

#[test]
fn a_message_that_is_there_twice_is_named_once_whichever_id_it_repeats() {
    let (ledger, mut harvest) = (accepted(), everything());
    see(&mut harvest, "1", "call-1", 1);
    see(&mut harvest, "1", "call-1", 1);
    see(&mut harvest, "1", "call-3", 9);
    assert!(ledger.is_complete(&harvest));
    assert_eq!(
        problems(&ledger, &harvest),
        [
            "double: call-1 (1.1.1-b7k2qf-r1) at 1, 3 times",
            "double: call-3 (1.1.1-b7k2qf-r3) at 1, 2 times"
        ]
    );
}

#[test]
fn an_accepted_message_under_another_id_is_lost() {
    let (ledger, mut harvest) = (accepted(), everything());
    harvest.0.get_mut(&code("1")).unwrap().remove(0);
    see(&mut harvest, "1", "call-1", 8);
    assert_eq!(
        problems(&ledger, &harvest),
        ["lost: call-1 (1.1.1-b7k2qf-r1) at 1, where it is 1.1.1-b7k2qf-r8"]
    );
}

#[test]
fn a_directive_where_nobody_sent_it_is_a_stray() {
    let (ledger, mut harvest) = (accepted(), everything());
    see(&mut harvest, "1.1", "directive-1", 4);
    see(&mut harvest, "1", "unheard-of", 7);
    assert_eq!(
        problems(&ledger, &harvest),
        ["stray: unheard-of (1.1.1-b7k2qf-r7) at 1", "stray: directive-1 (1.1.1-b7k2qf-r4) at 1.1"]
    );
}

#[test]
fn what_was_never_accepted_is_not_lost_but_not_good_either() {
    let (mut ledger, harvest) = (accepted(), everything());
    ledger.publish("call-4", &code("1.1.1"), &BTreeSet::from([code("1")]));
    assert_eq!(problems(&ledger, &harvest), ["not accepted: call-4 at 1.1.1: unfinished"]);
    ledger.settle("call-4", Fate::Unaccepted("too_large".to_owned()));
    assert!(ledger.is_complete(&harvest));
    assert_eq!(problems(&ledger, &harvest), ["not accepted: call-4 at 1.1.1: too_large"]);
}
