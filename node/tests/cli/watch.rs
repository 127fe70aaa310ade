//! `yizhan watch`.

use super::pretend::Pretend;
use super::{err, out, yizhan};

#[test]
fn events_are_printed_as_lines_and_a_broken_stream_is_opened_again() {
    let station = Pretend::new();
    let args = ["watch", "--count", "3", "--kind", "incident.*", "--origin", "510722.101"];
    let output = yizhan(&[&args[..], &["--server", &station.url]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert_eq!(
        out(&output),
        "08:30:00.100  received  flash  incident.report  510722.101-b7k2qf-f1  held 1s\n\
         08:30:00.200  delivered  flash  incident.report  510722.101-b7k2qf-f2  held 1s\n\
         08:30:00.100  received  flash  incident.report  510722.101-b7k2qf-f1  held 1s\n"
    );
    assert_eq!(err(&output), "the stream broke off; trying again\n");
    assert_eq!(station.seen().query.as_deref(), Some("kind=incident.*&origin=510722.101"));
}

#[test]
fn json_is_one_object_a_line() {
    let station = Pretend::new();
    let output = yizhan(&["watch", "--json", "--count", "2", "--server", &station.url]);
    let text = out(&output);
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["id"], "510722.101-b7k2qf-f2");
}
