//! [`Register`]: `demo.json`, where the stations are; scripts rely on it.

use std::path::Path;

use serde::Serialize;
use yizhan_schemas::Code;

use super::Fault;
use super::ground::{self, Site};

/// The content of `demo.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Register {
    /// The stations, by code.
    pub(super) stations: Vec<Entry>,
}

/// One station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Entry {
    pub(super) code: Code,
    pub(super) name: String,
    pub(super) tier: String,
    /// As a URL.
    pub(super) bus: String,
    /// As a URL.
    pub(super) http: String,
    /// The station's process.
    pub(super) pid: u32,
    /// Its nats-server's.
    pub(super) bus_pid: u32,
    /// Its data directory.
    pub(super) data: String,
}

impl Entry {
    /// A station as it is now; nothing while it is between two lives.
    pub(super) fn of(site: &Site, pid: Option<u32>) -> Option<Self> {
        Some(Self {
            code: site.code.clone(),
            name: site.name.clone(),
            tier: site.tier.clone(),
            bus: site.bus.clone(),
            http: site.http()?,
            pid: pid?,
            bus_pid: site.bus_pid()?,
            data: site.data().to_string_lossy().into_owned(),
        })
    }
}

impl Register {
    /// Writes `demo.json` by rename, so that who reads it sees one whole state.
    pub(super) fn write(&self, dir: &Path) -> Result<(), Fault> {
        let text = serde_json::to_string_pretty(self);
        let text = text.map_err(|error| Fault::Defect(error.to_string()))?;
        ground::write(&dir.join(ground::REGISTER), &format!("{text}\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::ground::Ground;

    #[test]
    fn demo_json_has_the_members_that_scripts_rely_on() {
        let dir = tempfile::tempdir().unwrap();
        let ground = Ground::take(Some(dir.path())).unwrap();
        let sites = ground.lay_out(Path::new("nats-server")).unwrap();
        let site = &sites[1];
        assert_eq!(Entry::of(site, Some(7)), None);
        std::fs::write(site.http_file(), "http://127.0.0.1:81\n").unwrap();
        std::fs::create_dir(site.data().join("bus")).unwrap();
        let note = r#"{"pid":8,"start_ticks":1,"boot":"b"}"#;
        std::fs::write(site.data().join("bus/server.json"), note).unwrap();
        assert_eq!(Entry::of(site, None), None);
        let entry = Entry::of(site, Some(7)).unwrap();
        Register { stations: vec![entry] }.write(dir.path()).unwrap();
        let text = std::fs::read_to_string(dir.path().join("demo.json")).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let expected = serde_json::json!({"stations": [{
            "code": "510722.101",
            "name": "潼川镇",
            "tier": "township",
            "bus": site.bus,
            "http": "http://127.0.0.1:81",
            "pid": 7,
            "bus_pid": 8,
            "data": site.data(),
        }]});
        assert_eq!(value, expected);
    }
}
