//! [`written`]: everybody who may log in at the county that is attacked, for a client in another
//! language to try what each can do.

use std::path::Path;

use serde::Serialize;

use super::ground::{CAM, DESK, GRID, Ground, THIEF, TOWN};
use crate::real::rendered::Applicant;

/// One who may log in on a bus, and with what.
#[derive(Debug, Serialize)]
struct Identity {
    who: String,
    bus: String,
    conf: String,
    ca: String,
    cert: String,
    key: String,
    seed: String,
    inbox: String,
}

/// The identities as JSON: a village's own key on its parent's bus, and an application of each
/// right on its own.
pub fn written(ground: &Ground) -> String {
    let mut all = vec![village(ground)];
    all.extend([GRID, DESK, CAM].map(|applicant| application(ground, applicant)));
    serde_json::to_string_pretty(&all).expect("texts have a JSON form")
}

fn path(home: &Path, file: &str) -> String {
    home.join(file).to_string_lossy().into_owned()
}

fn village(ground: &Ground) -> Identity {
    let (home, parent) = (ground.county.home(THIEF), ground.station(TOWN));
    Identity {
        who: format!("village {}", THIEF),
        bus: parent.bus.clone(),
        conf: path(&parent.dir, "nats-server.conf"),
        ca: path(&home, "tls/ca.crt"),
        cert: path(&home, "tls/station.crt"),
        key: path(&home, "tls/station.key"),
        seed: path(&home, "keys/station.nk"),
        inbox: format!("_INBOX_{}", THIEF.replace('.', "_")),
    }
}

fn application(ground: &Ground, (code, name, rights): Applicant) -> Identity {
    let station = ground.station(code);
    let file = |end: &str| path(&station.dir, &format!("keys/apps/{name}.{end}"));
    Identity {
        who: rights.trim_matches(['[', ']', '"']).to_owned(),
        bus: station.bus.clone(),
        conf: path(&station.dir, "nats-server.conf"),
        ca: path(&station.dir, "tls/ca.crt"),
        cert: file("crt"),
        key: file("key"),
        seed: file("nk"),
        inbox: format!("_INBOX_app_{name}"),
    }
}
