//! What is written down of a measurement: one JSON file for each, and a table for people.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::goal::short;

/// Appends a result to `<dir>/<scenario>.jsonl`.
///
/// # Errors
/// The file cannot be written.
pub fn keep(dir: &Path, result: &Value) -> Result<(), String> {
    use std::io::Write as _;
    let name = result.get("scenario").and_then(Value::as_str).unwrap_or("unnamed");
    let path = dir.join(format!("{name}.jsonl"));
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(dir)?;
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&path)?;
        writeln!(file, "{result}")
    };
    write().map_err(|why| format!("{}: {why}", path.display()))
}

/// A result in one line: who did what in how long, and the figures that are no sizes.
pub fn line(result: &Value, took: Duration) -> String {
    let text = |key| result.get(key).and_then(Value::as_str).unwrap_or("");
    let mut line =
        format!("{:<19} {:<10} {:>4.0} s ", text("peer"), text("scenario"), took.as_secs_f64());
    for (name, figure) in result.as_object().into_iter().flatten() {
        match figure.as_f64().filter(|_| figure.is_f64()) {
            Some(number) => line += &format!(" {name} {}", short(Some(number))),
            None if name == "error" => line += &format!(" FAILED: {}", text("error")),
            None => {}
        }
    }
    line
}

/// One line for each figure.
pub fn table(result: &Value) -> String {
    let Some(figures) = result.as_object() else { return String::new() };
    let lines = figures.iter().map(|(name, figure)| match figure.as_f64() {
        Some(number) if figure.is_f64() => format!("  {name:<30} {number:>14.2}\n"),
        _ => format!("  {name:<30} {figure:>14}\n"),
    });
    lines.collect()
}
