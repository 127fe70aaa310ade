//! The log as an auditor tries it: written, torn, altered, reopened.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use yizhan_schemas::Code;

use super::verify::{Found, verify};
use super::*;
use crate::bus::Credential;
use crate::seal::Notary;

const HALF_A_YEAR: Duration = Duration::from_secs(180 * 86_400);

fn here() -> Code {
    Code::parse("510722.101").unwrap()
}

fn plan(dir: &Path) -> Plan {
    let (dir, station) = (dir.to_owned(), here());
    Plan { dir, station, notary: None, retain: HALF_A_YEAR, bytes_max: 1 << 30 }
}

fn signed(dir: &Path, key: &Credential) -> Plan {
    Plan { notary: Notary::of(key), ..plan(dir) }
}

/// Writes so many deeds down and closes the log.
fn write(plan: Plan, deeds: u64) {
    let (log, audit) = AuditLog::start(plan).unwrap();
    for n in 0..deeds {
        audit.note(Deed::done("issued", "grid").of_sort(&n.to_string()).to(&format!("m{n} 汛情")));
    }
    drop(log);
}

fn volumes(dir: &Path) -> Vec<PathBuf> {
    shelf::Shelf::read(dir).unwrap().0.into_iter().map(|volume| volume.path).collect()
}

/// The only file.
fn volume(dir: &Path) -> PathBuf {
    let all = volumes(dir);
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

fn look(dir: &Path) -> Found {
    verify(dir, None, None).unwrap()
}

fn whole(dir: &Path) -> Found {
    let found = look(dir);
    assert_eq!(found.faults, [], "{:?}", found.faults);
    found
}

/// All that is wrong, one a line.
fn faults(dir: &Path) -> String {
    let found = look(dir);
    found.faults.iter().map(|fault| format!("{fault}\n")).collect()
}

fn events(dir: &Path) -> Vec<String> {
    let mut events = Vec::new();
    super::verify::lines(dir, &mut |line| events.push(line.event)).unwrap();
    events
}

/// The lines of the only file, changed.
fn change(dir: &Path, how: impl FnOnce(&mut Vec<String>)) {
    let path = volume(dir);
    let mut lines: Vec<_> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    how(&mut lines);
    fs::write(path, lines.join("\n") + "\n").unwrap();
}

#[test]
fn a_log_goes_on_where_it_ended_and_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    write(plan(dir.path()), 3);
    write(plan(dir.path()), 2);
    let found = whole(dir.path());
    assert_eq!((found.files, found.lines, found.first), (1, 5, Some(1)));
    assert_eq!(found.head.unwrap().seq, 5);
}

#[test]
fn whichever_byte_is_changed_it_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let key = Credential::generate().unwrap();
    write(signed(dir.path(), &key), 3);
    whole(dir.path());
    for path in [volume(dir.path()), dir.path().join("head.json")] {
        let good = fs::read(&path).unwrap();
        // the line feed behind the head is not part of it
        for at in 0..good.len() - usize::from(path.ends_with("head.json")) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).unwrap();
            let found = look(dir.path());
            assert!(!found.faults.is_empty(), "byte {at} of {}", path.display());
            assert!(found.faults.len() <= 3, "{:?}", found.faults);
        }
        fs::write(&path, good).unwrap();
    }
    whole(dir.path());
}

#[test]
fn an_altered_line_is_named_by_file_line_and_number() {
    let dir = tempfile::tempdir().unwrap();
    write(plan(dir.path()), 5);
    change(dir.path(), |lines| lines[2] = lines[2].replace("grid", "gird"));
    let name = volume(dir.path()).file_name().unwrap().to_string_lossy().into_owned();
    let found = faults(dir.path());
    assert!(found.starts_with(&format!("{name}:3: seq 3: was altered: it states")), "{found}");
    assert_eq!(found.lines().count(), 1, "{found}");
}

#[test]
fn lines_that_are_missing_moved_doubled_or_of_another_log_are_found() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(plan(dir.path()), 6);
    write(plan(other.path()), 6);
    let good = fs::read_to_string(volume(dir.path())).unwrap();
    let foreign = fs::read_to_string(volume(other.path())).unwrap();
    let foreign = foreign.lines().nth(3).unwrap().to_owned();
    let tried = |how: &dyn Fn(&mut Vec<String>)| {
        fs::write(volume(dir.path()), &good).unwrap();
        change(dir.path(), |lines| how(lines));
        faults(dir.path())
    };
    let gone = tried(&|lines| drop(lines.remove(2)));
    assert!(gone.contains(":3: seq 4: seq 3 is missing before it"), "{gone}");
    let gone = tried(&|lines| drop(lines.drain(1..4)));
    assert!(gone.contains(":2: seq 5: seq 2 to 4 are missing before it"), "{gone}");
    let moved = tried(&|lines| lines.swap(2, 3));
    assert!(moved.contains(":4: seq 3: stands behind seq 4"), "{moved}");
    let twice = tried(&|lines| lines.insert(3, lines[2].clone()));
    assert!(twice.contains(":4: seq 3: stands behind seq 3"), "{twice}");
    let put_in = tried(&|lines| lines[3] = foreign.clone());
    assert!(put_in.contains(":4: seq 4: does not follow from the line before"), "{put_in}");
    let nonsense = tried(&|lines| lines[3] = "{\"seq\":4}".to_owned());
    assert!(nonsense.contains(":4: seq 4: this is no line of an audit log"), "{nonsense}");
    let beginning = tried(&|lines| drop(lines.drain(..2)));
    assert!(beginning.contains("the log begins behind seq 2"), "{beginning}");
}

#[test]
fn an_end_that_was_cut_off_is_found_by_the_head_and_stays_found() {
    let dir = tempfile::tempdir().unwrap();
    write(plan(dir.path()), 6);
    change(dir.path(), |lines| lines.truncate(4));
    let found = faults(dir.path());
    assert!(
        found.contains("head.json: seq 6: head.json knows of seq 6, and the log ends with seq 4"),
        "{found}"
    );
    // the station goes on, and heals nothing
    write(plan(dir.path()), 1);
    let found = faults(dir.path());
    assert!(found.contains("seq 5 to 6 are missing before it"), "{found}");
    assert!(events(dir.path()).contains(&"audit_damaged".to_owned()));
}

#[test]
fn a_log_without_its_head_is_not_called_whole() {
    let dir = tempfile::tempdir().unwrap();
    write(plan(dir.path()), 2);
    fs::remove_file(dir.path().join("head.json")).unwrap();
    assert!(faults(dir.path()).contains("head.json: is missing"));
    write(plan(dir.path()), 1);
    assert!(events(dir.path()).contains(&"audit_damaged".to_owned()));
}

#[test]
fn an_older_log_put_back_with_its_head_shows_against_a_head_kept_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let files = |dir: &Path| [volume(dir), dir.join("head.json")];
    write(plan(dir.path()), 2);
    let old = files(dir.path()).map(|path| (path.clone(), fs::read(path).unwrap()));
    write(plan(dir.path()), 2);
    let kept = whole(dir.path()).last.unwrap();
    for (path, bytes) in old {
        fs::write(path, bytes).unwrap();
    }
    whole(dir.path());
    let found = verify(dir.path(), Some(kept), None).unwrap();
    assert!(found.faults[0].what.contains("the head given knows of seq 4"), "{:?}", found.faults);
}

#[test]
fn a_log_written_anew_does_not_have_the_stations_signature() {
    let dir = tempfile::tempdir().unwrap();
    let key = Credential::generate().unwrap();
    write(signed(dir.path(), &key), 3);
    let head = whole(dir.path()).head.unwrap();
    assert_eq!(head.signer(), Ok(key.public()));
    // a forger without the key
    fs::remove_dir_all(dir.path()).unwrap();
    write(plan(dir.path()), 3);
    let listed = |head: &head::Head| match head.signer() {
        Ok(Some(_)) => Ok(()),
        _ => Err("is not signed".to_owned()),
    };
    let found = verify(dir.path(), None, Some(&listed)).unwrap();
    assert_eq!(found.faults[0].what, "is not signed");
}

#[test]
fn a_line_that_a_power_cut_left_unfinished_is_healed_and_a_line_says_so() {
    let dir = tempfile::tempdir().unwrap();
    write(plan(dir.path()), 3);
    for torn in [b"{\"seq\":4,\"at\":\"20".as_slice(), b"\0\0\0\0", b"{"] {
        let path = volume(dir.path());
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend_from_slice(torn);
        fs::write(&path, bytes).unwrap();
        assert_eq!(look(dir.path()).unfinished_bytes, torn.len() as u64);
        write(plan(dir.path()), 1);
        whole(dir.path());
    }
    let healed = events(dir.path()).iter().filter(|event| *event == "audit_healed").count();
    assert_eq!(healed, 3);
}

#[test]
fn an_altered_last_line_is_not_healed() {
    let dir = tempfile::tempdir().unwrap();
    write(plan(dir.path()), 3);
    change(dir.path(), |lines| lines[2] = lines[2].replace("grid", "gird"));
    write(plan(dir.path()), 1);
    let found = faults(dir.path());
    assert!(found.contains(":3: seq 3: was altered"), "{found}");
    assert_eq!(volumes(dir.path()).len(), 2, "nothing is added to a damaged file");
    let said = |dir: &Path| events(dir).iter().filter(|event| *event == "audit_damaged").count();
    let once = said(dir.path());
    assert!(once > 0);
    write(plan(dir.path()), 1);
    assert_eq!(said(dir.path()), once, "it is said once");
}

#[test]
fn a_flood_of_refusals_is_two_lines() {
    let dir = tempfile::tempdir().unwrap();
    let (log, audit) = AuditLog::start(plan(dir.path())).unwrap();
    for _ in 0..1_000 {
        audit
            .note(Deed::refused("http_refused", "10.0.0.9", "unauthorized").to("GET /v1/stations"));
    }
    drop(log);
    let mut counts = Vec::new();
    super::verify::lines(dir.path(), &mut |line| counts.push((line.count, line.since.is_some())))
        .unwrap();
    assert_eq!(counts, [(None, false), (Some(999), true)]);
    whole(dir.path());
}

#[test]
fn what_the_queue_does_not_take_is_counted_in_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let (log, audit) = AuditLog::start(plan(dir.path())).unwrap();
    let tries = 20 * DEEDS_MAX as u64;
    for n in 0..tries {
        audit.note(Deed::done("issued", "grid").of_sort(&n.to_string()));
    }
    audit.note(Deed::done("stopped", "510722.101"));
    drop(log);
    let (mut written, mut lost) = (0, 0);
    super::verify::lines(dir.path(), &mut |line| match line.event.as_str() {
        "audit_lost" => lost += line.detail.split(' ').next().unwrap().parse::<u64>().unwrap(),
        "issued" => written += line.count.unwrap_or(1),
        _ => {}
    })
    .unwrap();
    // the last of all may have been lost too
    assert!((tries..=tries + 1).contains(&(written + lost)), "{written} + {lost} of {tries}");
    whole(dir.path());
}

/// A log of so many days, as a station wrote it.
fn days(dir: &Path, count: i64) {
    use jiff::ToSpan as _;
    let mut last = (0, hash::Hash::NONE);
    for n in 0..count {
        let day = shelf::day_of(jiff::Timestamp::now()) - (count - 1 - n).days();
        let deed = Deed::done("issued", "grid");
        let (bytes, hash) = line::Line::of(deed, None, last.0 + 1, last.1).write().unwrap();
        last = (last.0 + 1, hash);
        fs::write(dir.join(shelf::name(last.0, day)), bytes).unwrap();
    }
    head::Head::new(here(), last.0, last.1, None).write(dir).unwrap();
}

#[test]
fn what_was_kept_long_enough_goes_and_a_line_accounts_for_it() {
    let dir = tempfile::tempdir().unwrap();
    days(dir.path(), 190);
    whole(dir.path());
    write(plan(dir.path()), 1);
    let found = whole(dir.path());
    assert_eq!((found.files, found.first), (182, Some(9)));
    // somebody helps with that
    fs::remove_file(&volumes(dir.path())[0]).unwrap();
    let found = faults(dir.path());
    assert!(found.contains("the log begins behind seq 9"), "{found}");
}

#[test]
fn a_log_that_is_full_keeps_all_and_writes_less() {
    let dir = tempfile::tempdir().unwrap();
    write(plan(dir.path()), 50);
    let full = || Plan { bytes_max: 1, ..plan(dir.path()) };
    let (log, audit) = AuditLog::start(full()).unwrap();
    audit.note(Deed::done("started", "510722.101"));
    drop(log);
    assert_eq!(whole(dir.path()).lines, 51);
}
