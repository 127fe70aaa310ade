use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

fn aside(n: usize, bytes: usize) -> Aside {
    Aside {
        at: "2026-11-26T00:00:00Z".to_owned(),
        link: "510722.101".to_owned(),
        lane: "routine".to_owned(),
        sequence: n as u64,
        id: None,
        kind: None,
        to: None,
        why: "it is no envelope".to_owned(),
        bytes: "A".repeat(bytes),
    }
}

fn sequences(data: &Path) -> Vec<u64> {
    let mut found = Vec::new();
    read(data, &mut |aside| {
        found.push(aside.sequence);
        true
    })
    .unwrap();
    found
}

#[test]
fn what_was_put_aside_is_read_back_also_over_a_torn_line_and_a_restart() {
    let data = tempfile::tempdir().unwrap();
    assert!(sequences(data.path()).is_empty());
    let dir = data.path().join(DIR);
    let mut files = Files::open(&dir).unwrap();
    files.append(&[aside(1, 10), aside(2, 10)]).unwrap();
    let file = fs::read_dir(&dir).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let torn = fs::read_to_string(&file).unwrap() + "{\"at\":\"2026-";
    fs::write(&file, torn).unwrap();
    let mut files = Files::open(&dir).unwrap();
    files.append(&[aside(3, 10)]).unwrap();
    assert_eq!(sequences(data.path()), [1, 2, 3]);
}

#[test]
fn a_flood_pushes_the_oldest_out_and_never_takes_more_than_its_part() {
    let data = tempfile::tempdir().unwrap();
    let mut files = Files::open(&data.path().join(DIR)).unwrap();
    for n in 0..80 {
        files.append(&[aside(n, 1024 * 1024)]).unwrap();
        assert!(files.bytes() <= BYTES_MAX);
    }
    let left = sequences(data.path());
    assert!(left.len() > 50 && *left.last().unwrap() == 79 && left[0] > 0, "{left:?}");
    // and so does a new life that finds them
    let mut files = Files::open(&data.path().join(DIR)).unwrap();
    (80..100).for_each(|n| files.append(&[aside(n, 1024 * 1024)]).unwrap());
    assert!(files.bytes() <= BYTES_MAX && *sequences(data.path()).last().unwrap() == 99);
}

#[test]
fn what_is_older_than_a_month_goes_with_the_next_one() {
    let data = tempfile::tempdir().unwrap();
    let dir = data.path().join(DIR);
    fs::create_dir(&dir).unwrap();
    let line = serde_json::to_string(&aside(7, 1)).unwrap() + "\n";
    fs::write(dir.join("2026-01-02-0000.jsonl"), &line).unwrap();
    let mut files = Files::open(&dir).unwrap();
    assert_eq!(sequences(data.path()), [7]);
    files.append(&[aside(8, 1)]).unwrap();
    assert_eq!(sequences(data.path()), [8]);
}
