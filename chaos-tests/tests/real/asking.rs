//! Asking a station as a person does it, with the command line.

use std::process::{Command, Output};

use serde_json::Value;

use chaos_tests::real::place::Place;
use chaos_tests::real::programs;
use chaos_tests::real::until::{SOON, until};

/// What a command says to a station that runs.
pub(crate) fn yizhan(station: &Place, args: &[&str]) -> Output {
    let mut command = Command::new(programs::yizhan());
    command.args(args).arg("--server").arg(station.url().unwrap());
    command.output().unwrap()
}

/// The same, as text; no line is longer than a terminal of 100 columns.
pub(crate) fn text(output: &Output) -> String {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let width = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    assert!(width <= 100, "{width} columns:\n{text}");
    text
}

/// A page of a station.
pub(crate) async fn page(station: &Place, path: &str) -> Option<Value> {
    let answer = station.http.get(format!("{}{path}", station.url()?)).send().await.ok()?;
    answer.error_for_status().ok()?.json().await.ok()
}

/// A page of a station, as soon as it fits.
pub(crate) async fn page_until(
    station: &Place,
    path: &str,
    what: &str,
    fits: impl Fn(&Value) -> bool,
) -> Value {
    let what = format!("{}{path}: {what}", station.code);
    until(SOON, what, || async { page(station, path).await.filter(&fits) }).await
}

/// Waits until a station has a session with its parent.
pub(crate) async fn linked(station: &Place) {
    let what = format!("the uplink of {} is up", station.code);
    until(SOON, what, || async {
        let status = station.status().await?;
        let mut links = status["links"].as_array()?.iter();
        links.any(|link| link["link"] == "up" && link["up"] == true).then_some(())
    })
    .await
}
