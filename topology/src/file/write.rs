//! A topology file written anew, from a tree without a policy.

use std::fmt::Write;

use toml_edit::{Array, Value};

use crate::tree::{Station, Topology};

/// The text of a file that reads as this tree, stations in the order of codes. The policy is left
/// to people.
pub(crate) fn write(topology: &Topology) -> String {
    let name = quoted(topology.name());
    let tiers = list(topology.tiers());
    let mut out = format!("[county]\nname = {name}\ntiers = {tiers}\n");
    for station in topology.stations() {
        write_station(&mut out, station);
    }
    out
}

fn write_station(out: &mut String, station: &Station) {
    out.push_str("\n[[station]]\n");
    let mut line = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            // writing to a String cannot fail
            let _ = writeln!(out, "{key} = {value}");
        }
    };
    let some = |items: &[String]| (!items.is_empty()).then(|| list(items));
    line("code", Some(quoted(station.code.as_str())));
    line("name", Some(quoted(&station.name)));
    line("bus", station.bus.as_deref().map(quoted));
    line("http", station.http.as_deref().map(quoted));
    line("key", some(&station.keys));
    line("tags", some(&station.tags));
    let formerly: Vec<String> = station.formerly.iter().map(ToString::to_string).collect();
    line("formerly", some(&formerly));
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn list(items: &[String]) -> String {
    items.iter().map(String::as_str).collect::<Array>().to_string()
}
