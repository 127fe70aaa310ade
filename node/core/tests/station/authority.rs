//! Who may say what, and the root's word on keys.

use bytes::Bytes;
use yizhan_core::effect::{Effect, Notice, Verdict};
use yizhan_core::input::Input;
use yizhan_core::link::Link;
use yizhan_core::record::Record;
use yizhan_core::seal::{Checked, SealFault, Specimens};
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::frame::{self, Body, SessionTag};
use yizhan_schemas::payload::receipt::Event;
use yizhan_schemas::reply::ErrorCode;
use yizhan_schemas::seal::{Algorithm, KeyId, Run, Seal, Stamp};
use yizhan_schemas::{Code, Lane};
use yizhan_topology::Topology;

use crate::bench::{Bench, submitted};
use crate::misplaced::{carried, header};
use crate::neighbours::{acked, batch, from_town, linked, linked_as};

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";
const VILLAGE: &str = "510722.101.002";
const EVERYBODY: &str = "510722.>";

/// Takes every signature for that of one station.
#[derive(Debug)]
struct AllOf(&'static str);

impl Specimens for AllOf {
    fn owner(&self, _: &Stamp, _: Digest) -> Result<Code, SealFault> {
        Ok(Code::parse(self.0).unwrap())
    }
}

/// A batch of one record under the seal of a station.
fn sealed(by: &'static str, link: Link, session: SessionTag, record: frame::Record) -> Input {
    let stamp = Stamp {
        algorithm: Algorithm::Ed25519Sha256,
        key: KeyId([0; 8]),
        leaves: 1,
        signature: Bytes::from_static(&[0; 64]),
    };
    let runs = vec![Run { leaf: 0, record: 0, count: 1 }];
    let seals = vec![Seal { stamp, runs, siblings: Vec::new() }];
    let body = Checked::of(Body { records: vec![record], seals }, &AllOf(by));
    Input::Batch { link, session, lane: Lane::Routine, first: 1, sent_ms: 0, body }
}

fn key(letter: char) -> String {
    format!("U{}", letter.to_string().repeat(55))
}

/// A change that gives the village a key, and takes one from whoever has it.
fn change(added: char, revoked: char) -> String {
    format!(
        "{{\"keys\":{{\"{VILLAGE}\":[\"{}\"]}},\"revoked\":[{{\"key\":\"{}\",\
         \"at\":\"2026-11-26T00:00:00Z\",\"why\":\"箱体被盗\"}}]}}",
        key(added),
        key(revoked)
    )
}

fn forbidden(said: &[Effect]) -> Option<String> {
    said.iter().find_map(|effect| match effect {
        Effect::Notice(Notice::Forbidden { why, .. }) => Some(why.clone()),
        _ => None,
    })
}

fn amended(said: &[Effect]) -> Option<&Topology> {
    said.iter().find_map(|effect| match effect {
        Effect::Amended(topology) => Some(&**topology),
        _ => None,
    })
}

fn puts(bench: &Bench) -> usize {
    let taken = |record: &&Record| matches!(record, Record::Put(put) if put.via.is_some());
    bench.records().iter().filter(taken).count()
}

#[test]
fn an_order_from_below_or_from_beside_is_put_aside_and_its_origin_told() {
    for (origin, kind, to) in [
        (TOWN, "directive.issue", COUNTY),
        (TOWN, "directive.issue", EVERYBODY),
        (VILLAGE, "broadcast.issue", "tier:village@510722"),
        (VILLAGE, "policy.set", TOWN),
        (TOWN, "incident.report", VILLAGE),
    ] {
        let (mut county, _, tag) = linked();
        let record = carried(header(origin, kind, to, 1), b"{}", 0);
        let said = county.tell(batch(from_town(), tag, 1, vec![record]));
        let why = forbidden(&said).unwrap_or_default();
        assert!(why.contains(&format!("{origin} may not send {kind} to `{to}`")), "{why}");
        assert_eq!((acked(&said), puts(&county)), (Some(1), 0), "{kind} of {origin} to {to}");
        assert_eq!(county.station.kept().quarantined, 1);
    }
    let (mut county, _, tag) = linked();
    let record = carried(header(TOWN, "directive.issue", COUNTY, 1), b"{}", 0);
    county.tell(batch(from_town(), tag, 1, vec![record]));
    let told = county.records().iter().find_map(|record| match record {
        Record::Noted(routed) => Some((routed.toward.clone(), routed.note.event.clone())),
        _ => None,
    });
    let Some((toward, Event::Ended { detail, .. })) = told else { panic!("{told:?}") };
    assert_eq!((toward, detail.as_deref()), (Some(from_town()), Some("forbidden at 510722")));
}

#[test]
fn what_a_renamed_station_sent_under_its_old_code_is_not_beyond_its_rights() {
    let (mut county, _, tag) = linked();
    let old = header("510722.101.099", "incident.report", "510722.101.099,510722", 1);
    let said = county.tell(batch(from_town(), tag, 1, vec![carried(old, b"{}", 0)]));
    assert_eq!((forbidden(&said), puts(&county)), (None, 1));
}

#[test]
fn where_neighbours_have_keys_a_stranger_needs_one_too() {
    let (_, mut town, tag) = linked_as(Bench::keyed);
    let stranger = header("510799.5", "directive.issue", TOWN, 1);
    let said = town.tell(batch(Link::Up, tag, 1, vec![carried(stranger, b"{}", 0)]));
    let unsealed = |effect: &Effect| matches!(effect, Effect::Notice(Notice::Unsealed { .. }));
    assert!(said.iter().any(unsealed) && puts(&town) == 0, "{said:?}");
}

#[test]
fn the_roots_word_on_keys_holds_at_once_and_after_a_restart_until_the_file_says_it() {
    let (_, mut town, tag) = linked_as(Bench::keyed);
    let record =
        carried(header(COUNTY, "policy.set", EVERYBODY, 1), change('B', 'C').as_bytes(), 0);
    let said = town.tell(sealed(COUNTY, Link::Up, tag, record));
    let village = Code::parse(VILLAGE).unwrap();
    let tree = amended(&said).unwrap();
    assert_eq!(tree.station(&village).unwrap().keys, [key('B')]);
    assert!(tree.is_revoked(&key('C')) && puts(&town) == 1);
    let kept = |bench: &Bench| bench.station.kept().amendment.counts();
    assert_eq!(kept(&town), (1, 1));
    town.restart();
    assert_eq!(kept(&town), (1, 1));
    town.restart_with_file(|file| {
        file.replace(
            &format!("code = \"{VILLAGE}\"\n"),
            &format!("code = \"{VILLAGE}\"\nkey = [\"{}\"]\n", key('B')),
        )
    });
    assert_eq!(kept(&town), (0, 1), "the file says the one, and not the other");
}

#[test]
fn nobody_but_the_root_is_heard_on_keys_nor_a_root_without_a_key() {
    // a township of its own accord, to its own villages
    let (mut county, _, tag) = linked_as(Bench::keyed);
    let set = change('B', 'C');
    let record = carried(header(TOWN, "policy.set", "510722.101.>", 1), set.as_bytes(), 0);
    let said = county.tell(sealed(TOWN, from_town(), tag, record));
    let why = forbidden(&said).unwrap_or_default();
    assert!(why.contains("speaks of keys and rules, which only 510722 may"), "{why}");
    assert!(amended(&said).is_none() && puts(&county) == 0);
    // where the root has no key, anybody above could speak for it
    let (_, mut town, tag) = linked();
    let record = carried(header(COUNTY, "policy.set", EVERYBODY, 1), set.as_bytes(), 0);
    let said = town.tell(batch(Link::Up, tag, 1, vec![record]));
    assert!(amended(&said).is_none() && puts(&town) == 1);
    assert!(said.iter().any(|effect| matches!(effect, Effect::Notice(Notice::Unheeded { .. }))));
}

#[test]
fn a_change_of_keys_is_taken_at_the_root_for_everybody_and_only_if_it_makes_sense() {
    for (at, to, set, code) in [
        (COUNTY, EVERYBODY, change('B', 'C'), None),
        (COUNTY, TOWN, change('B', 'C'), Some(ErrorCode::BadSelector)),
        (TOWN, "510722.101.>", change('B', 'C'), Some(ErrorCode::Forbidden)),
        (COUNTY, EVERYBODY, change('B', 'A'), Some(ErrorCode::SchemaInvalid)),
        (
            COUNTY,
            EVERYBODY,
            "{\"keys\":{\"x y\":[\"U\"]}}".to_owned(),
            Some(ErrorCode::SchemaInvalid),
        ),
        (COUNTY, EVERYBODY, "[]".to_owned(), Some(ErrorCode::SchemaInvalid)),
        // what speaks of other things goes wherever it may
        (TOWN, "510722.101.>", "{\"interval\":\"1d\"}".to_owned(), None),
    ] {
        let mut bench = Bench::keyed(at);
        let Input::Submitted { ticket, mut draft } = submitted(1, "policy.set", to, None) else {
            panic!("a submission");
        };
        draft.payload = Bytes::from(set.clone().into_bytes());
        let said = bench.tell(Input::Submitted { ticket, draft });
        let verdict = said.iter().find_map(|effect| match effect {
            Effect::Reply { verdict, .. } => Some(verdict.clone()),
            _ => None,
        });
        let refused = match verdict {
            Some(Verdict::Refused(refusal)) => Some(refusal.code),
            Some(Verdict::Accepted(_)) => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused, code, "{set} at {at} to {to}");
        let heeded = amended(&said).is_some();
        assert_eq!(heeded, code.is_none() && at == COUNTY, "the root heeds its own word");
    }
}
