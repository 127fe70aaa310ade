//! Every secret of the county, looked for in everything that a station shows or writes of itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::attack::{Attack, Ended};
use super::ground::{COUNTY, Ground, TOKEN};
use crate::real::place::Place;
use crate::real::programs;

/// All of them. Nothing refuses this: it is looked for after all that was tried before.
pub const ATTACKS: [Attack; 1] = [Attack {
    name: "reading secrets in logs and pages",
    heavy: false,
    at: COUNTY,
    metric: None,
    audit: None,
    play: |ground| Box::pin(looks(ground)),
}];

/// Pages that show what a station knows.
const PAGES: [&str; 6] =
    ["/", "/metrics", "/healthz", "/v1/stations", "/v1/messages", "/openapi.json"];
/// Shorter lines of a key's file are no secret by themselves.
const SECRET_CHARS_MIN: usize = 20;

async fn looks(ground: &Ground) -> Ended {
    let mut secrets = vec![TOKEN.to_owned()];
    let desk = ground.county.topology_file().with_file_name("keys");
    let boxes = ground.running().flat_map(|station| [station.dir.clone(), station.data()]);
    for dir in boxes.chain([desk]) {
        secrets.extend(keys_below(&dir));
    }
    let mut looked = 0;
    for station in ground.running() {
        for (place, text) in shown(station).await? {
            looked += 1;
            if let Some(secret) = secrets.iter().find(|secret| text.contains(secret.as_str())) {
                let start: String = secret.chars().take(4).collect();
                return Err(format!("{place} of {} shows the secret {start}…", station.code));
            }
        }
    }
    // a search that finds nothing because there is nothing to be searched proves nothing
    match (secrets.len() > 30, looked > 20) {
        (true, true) => Ok("not there".to_owned()),
        _ => Err(format!("only {} secrets, only {looked} places", secrets.len())),
    }
}

/// The secrets in the key files of a directory: seeds, tokens, and the lines of PEM keys.
fn keys_below(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for file in files_below(dir) {
        let end = file.extension().map(|end| end.to_string_lossy().into_owned());
        let in_keys = file.components().any(|part| part.as_os_str() == "keys");
        let secret = match end.as_deref() {
            Some("nk" | "key" | "token") => true,
            // the bus's own seeds have no ending
            None => in_keys,
            _ => false,
        };
        let text = fs::read_to_string(&file).unwrap_or_default();
        let lines = text.lines().filter(|line| !line.starts_with("-----"));
        let lines = lines.filter(|line| line.len() >= SECRET_CHARS_MIN && secret);
        found.extend(lines.map(str::to_owned));
    }
    found
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files_below(&path)),
            path => found.push(path),
        }
    }
    found
}

/// Everything that a station shows or writes of itself, each with its name.
async fn shown(station: &Place) -> Result<Vec<(String, String)>, String> {
    let mut shown = Vec::new();
    let logs = files_below(&station.dir).into_iter().filter(|file| {
        let is_log = file.extension().is_some_and(|end| end == "log");
        is_log || file.starts_with(station.data().join("audit"))
    });
    for log in logs {
        let bytes = fs::read(&log).map_err(|why| why.to_string())?;
        shown.push((log.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
    }
    let url = station.url().ok_or(format!("no URL of {}", station.code))?;
    for page in PAGES {
        let asked = station.http.get(format!("{url}{page}")).send().await;
        let text = asked.map_err(|why| why.to_string())?.text().await;
        shown.push((page.to_owned(), text.map_err(|why| why.to_string())?));
    }
    let config = station.dir.join("yizhan.toml");
    for words in [&["config", "show"][..], &["config", "show", "--json"], &["status", "--json"]] {
        let mut command = Command::new(programs::yizhan());
        command.args(words).arg("--config").arg(&config).env("YIZHAN__HTTP__TOKENS", tokens());
        let done = command.output().map_err(|why| why.to_string())?;
        let text = [done.stdout, done.stderr].concat();
        shown.push((words.join(" "), String::from_utf8_lossy(&text).into_owned()));
    }
    Ok(shown)
}

fn tokens() -> String {
    format!("operator:{TOKEN}")
}
