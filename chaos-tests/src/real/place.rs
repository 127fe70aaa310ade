//! [`Place`]: where a station is, and what it shows of itself, whichever process runs there.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::until::SOON;

/// A station as others see it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its code.
    pub code: String,
    /// Holds `yizhan.toml`, `data` and the logs.
    pub dir: PathBuf,
    /// Where its bus listens.
    pub bus: String,
    /// For its pages.
    pub http: reqwest::Client,
}

impl Place {
    /// A place that nothing runs at yet.
    pub fn new(code: &str, dir: &Path, bus: String) -> Self {
        let http = reqwest::Client::builder().timeout(SOON).build().expect("a client");
        Self { code: code.to_owned(), dir: dir.to_owned(), bus, http }
    }

    /// Its `data.dir`.
    pub fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Where its pages are, once it listens.
    pub fn url(&self) -> Option<String> {
        let text = fs::read_to_string(self.data().join("http.url")).ok()?;
        text.strip_suffix('\n').map(str::to_owned)
    }

    /// The process of its nats-server, as noted in the bus's directory.
    pub fn bus_pid(&self) -> Option<u32> {
        let note = fs::read(self.data().join("bus/server.json")).ok()?;
        let note: Value = serde_json::from_slice(&note).ok()?;
        u32::try_from(note.get("pid")?.as_u64()?).ok()
    }

    /// What it says of itself on `/v1/stations`.
    pub async fn status(&self) -> Option<Value> {
        let url = format!("{}/v1/stations/{}", self.url()?, self.code);
        self.http.get(url).send().await.ok()?.json().await.ok()
    }

    /// The value of a metric, summed over its labels that contain `label`.
    pub async fn metric(&self, name: &str, label: &str) -> Option<f64> {
        let page = self.http.get(format!("{}/metrics", self.url()?)).send().await.ok()?;
        let page = page.text().await.ok()?;
        let lines = page.lines().filter(|line| line.starts_with(name) && line.contains(label));
        Some(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
    }
}
