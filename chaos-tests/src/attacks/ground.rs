//! [`Ground`]: the county that is attacked, and who is in it.

use std::fs;

use async_nats::jetstream::{self, stream::Stream};

use crate::real::inbox::{Delivered, read_all};
use crate::real::rendered::{Applicant, Rendered};
use crate::real::station::Station;
use crate::real::until::{SOON, until};

/// The county.
pub const COUNTY: &str = "510722";
/// A township below it.
pub const TOWN: &str = "510722.101";
/// A village that has nothing to do with any of this, and reports on.
pub const VILLAGE: &str = "510722.101.001";
/// A village whose box was stolen: no station runs there, and the thief has all that was on it.
pub const THIEF: &str = "510722.101.009";
/// A township that lies: its box does what its owner likes.
pub const CROOK: &str = "510722.109";
/// A village below that one.
pub const VICTIM: &str = "510722.109.001";

/// Publishes the bystander's reports.
pub const GRID: Applicant = (VILLAGE, "grid", "[\"publisher\"]");
/// Another publisher at the same village.
pub const HOG: Applicant = (VILLAGE, "hog", "[\"publisher\"]");
/// Answers for cameras at the village.
pub const CAM: Applicant = (VILLAGE, "cam", "[\"adapter\"]");
/// Publishes and reads at the lying township's village.
pub const OFFICE: Applicant = (VICTIM, "office", "[\"publisher\", \"subscriber\"]");
/// Reads what comes to the county.
pub const DESK: Applicant = (COUNTY, "desk", "[\"subscriber\"]");

const CODES: [&str; 6] = [COUNTY, TOWN, VILLAGE, THIEF, CROOK, VICTIM];
const RUNNING: [&str; 4] = [COUNTY, TOWN, VILLAGE, VICTIM];
/// What one publisher of the village may hand in, a second.
const RATE: usize = 1_000;
/// Connections that the village's applications may have together.
pub const APP_CONNECTIONS: usize = 32;
/// A camera that hangs at the county and belongs to [`TOWN`].
const CAMERA: &str = "51072210001320000001";
/// A bearer token of the county; it must show up in no log.
pub const TOKEN: &str = "the-county-operators-token-0123456789";

/// A command to the camera that [`VICTIM`] may not command.
pub fn cameras_command() -> String {
    format!(r#"{{"device_id":"{CAMERA}","command":"open"}}"#)
}

/// The county and its people.
pub struct Ground {
    /// Its stations, of which some are not started.
    pub county: Rendered,
    /// What came to the county.
    inbox: Stream,
}

impl Ground {
    /// Starts county, township and villages, each from its rendered kit.
    pub async fn prepare() -> Self {
        let county = Rendered::start_some(&CODES, &[GRID, HOG, CAM, OFFICE, DESK], |station| {
            station.set_env("YIZHAN__HTTP__TOKENS", format!("operator:{TOKEN}"));
            if station.code == COUNTY {
                let file = station.dir.join("catalogue.csv");
                let rows = format!(
                    "id,name,kind,network,jurisdiction,hangs_under\n\
                     {CAMERA},东门,camera,天网,{TOWN},{COUNTY}\n"
                );
                fs::write(&file, rows).expect("a catalogue");
                station.set_env("YIZHAN__CATALOGUE__PATH", file);
            }
            if station.code == VILLAGE {
                // small, so that one attacker reaches them
                station.set_env("YIZHAN__INGEST__RATE", RATE.to_string());
                station.set_env("YIZHAN__BUS__MAX_CONNECTIONS", (APP_CONNECTIONS * 2).to_string());
            }
            RUNNING.contains(&station.code.as_str())
        });
        let county = county.await;
        let (code, name, _) = DESK;
        let inbox = until(SOON, "the county's inbox", || async {
            let desk = county.application(code, name).connect(&county.station(code).bus).await;
            jetstream::new(desk.ok()?).get_stream("YZ_INBOX").await.ok()
        });
        Self { inbox: inbox.await, county }
    }

    /// Everything in the county's inbox, in its order.
    pub async fn county_inbox(&self) -> Option<Vec<Delivered>> {
        read_all(&self.inbox).await
    }

    /// How often a message is there.
    pub async fn at_county(&self, id: &str) -> Option<usize> {
        let all = self.county_inbox().await?;
        Some(all.iter().filter(|message| message.id() == id).count())
    }

    /// The seed of a station, as it lies in its box.
    pub fn seed(&self, code: &str) -> String {
        let file = self.county.home(code).join("keys/station.nk");
        fs::read_to_string(file).expect("a seed").trim().to_owned()
    }

    /// One of the stations.
    pub fn station(&self, code: &str) -> &Station {
        self.county.station(code)
    }

    /// The stations that run.
    pub fn running(&self) -> impl Iterator<Item = &Station> {
        RUNNING.into_iter().map(|code| self.station(code))
    }
}
