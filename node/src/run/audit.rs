//! The audit log of a station: opened, and told what is another way than at the last start.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use super::RunError;
use super::home::Home;
use crate::audit::hash::Algorithm;
use crate::audit::{Audit, AuditLog, DIRECTORY, Deed, Plan};
use crate::bus::{Credential, write_private};
use crate::config::{Config, Effective};
use crate::seal::Notary;

/// What was so at the last start, in the directory of the log.
const START: &str = "start.json";
/// What this process is.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The log as long as this lives, and the way to it.
pub(super) fn open(
    config: &Config,
    effective: &Effective,
    home: &Home,
    key: Option<&Credential>,
) -> Result<(AuditLog, Audit), RunError> {
    let dir = home.dir.join(DIRECTORY);
    let (log, audit) = AuditLog::start(Plan {
        dir: dir.clone(),
        station: config.station.code.clone(),
        notary: key.and_then(Notary::of),
        retain: config.audit.retain,
        bytes_max: config.audit.max_bytes,
    })?;
    let file = dir.join(START);
    let before = Start::read(&file);
    let now = Start::of(config, effective, key, before.as_ref().map(|start| start.salt.clone()))?;
    let here = config.station.code.as_str();
    audit.note(Deed::done("started", here).to(&format!("version {VERSION}")));
    for deed in before.iter().flat_map(|before| now.since(before, here, effective)) {
        audit.note(deed);
    }
    let bytes = serde_json::to_vec_pretty(&now).unwrap_or_default();
    write_private(&file, &bytes)?;
    Ok((log, audit))
}

/// What a start is known by. Settings stand here as salted hashes, so that it tells no secret.
#[derive(Debug, Serialize, Deserialize)]
struct Start {
    salt: String,
    version: String,
    settings: BTreeMap<String, String>,
    /// The hash of the topology file.
    topology: String,
    /// The station's public nkey.
    key: Option<String>,
}

impl Start {
    /// The last one; none if there was none, or if it cannot be read, which is the same to us.
    fn read(file: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(file).ok()?).ok()
    }

    fn of(
        config: &Config,
        effective: &Effective,
        key: Option<&Credential>,
        salt: Option<String>,
    ) -> Result<Self, RunError> {
        let file = &config.station.topology;
        let topology = fs::read(file).map_err(|source| RunError::File {
            doing: "read",
            file: file.clone(),
            source,
        })?;
        let salt = salt.unwrap_or_else(|| HEXLOWER.encode(&rand::random::<[u8; 16]>()));
        Ok(Self {
            version: VERSION.to_owned(),
            settings: effective.marks(salt.as_bytes()),
            topology: Algorithm::PRESENT.hash(&topology).to_string(),
            key: key.and_then(Credential::public).map(str::to_owned),
            salt,
        })
    }

    /// What changed, as the deeds of whoever has this station's files in hand.
    fn since(&self, before: &Self, here: &str, effective: &Effective) -> Vec<Deed> {
        let mut deeds = Vec::new();
        let mut changed = |event, what: &str, words: String| {
            deeds.push(Deed::done(event, here).to(what).detail(&words));
        };
        if before.version != self.version {
            changed("version_changed", VERSION, format!("before {}", before.version));
        }
        let names: std::collections::BTreeSet<_> =
            before.settings.keys().chain(self.settings.keys()).collect();
        for name in names {
            if before.settings.get(name) != self.settings.get(name) {
                let now = effective.shown(name).unwrap_or_else(|| "without a value".to_owned());
                changed("config_changed", name, format!("now {now}"));
            }
        }
        if before.topology != self.topology {
            changed("topology_changed", &self.topology, format!("before {}", before.topology));
        }
        if before.key != self.key {
            let words = |key: &Option<String>| key.clone().unwrap_or_else(|| "none".to_owned());
            let was = format!("before {}", words(&before.key));
            changed("keys_changed", &words(&self.key), was);
        }
        deeds
    }
}
