//! What trust costs: the same chain with TLS and seals looked at, and without, by turns in one run.
//!
//! Both run from rendered kits over servers that are started here, so that nothing else differs. The
//! chain without trust has no TLS, and its topology lists no keys: nobody looks at a seal. What a
//! station signs of its own, one signature a frame, it signs in both.

use std::fs;
use std::path::Path;

use async_nats::ConnectOptions;
use serde_json::Value;
use tokio::process::Child;

use super::chain::{Hop, link_is_up, tied};
use super::ends::{End, Ends, Speaks};
use super::program;
use super::speed::Flood;
use super::turns::Turns;
use crate::real::rendered::{Applicant, Rendered};

/// What the chain with trust must reach of the one without.
const GOAL: f64 = 0.8;
const GRID: Applicant = ("510722.101.001", "grid", "[\"publisher\"]");
const DESK: Applicant = ("510722", "desk", "[\"subscriber\"]");

/// A chain of rendered stations over servers that are started here.
pub(super) struct Kits {
    county: Rendered,
    trusts: bool,
    /// Village first.
    servers: Vec<Child>,
}

/// What trust costs.
///
/// # Errors
/// Something was not accepted, or did not come.
pub async fn trust(flood: Flood, runs: usize) -> Result<Value, String> {
    let start = async |trusts| {
        let kits = Kits::start(trusts).await?;
        let ends = kits.ends();
        Ok((kits, ends))
    };
    Turns { scenario: "trust", goal: GOAL, runs }.flood(flood, start).await
}

impl Kits {
    /// The servers; no station runs.
    pub(super) fn of_buses(trusts: bool) -> Result<Self, String> {
        let county = Rendered::laid_out(&Hop::ALL.map(Hop::code), &[GRID, DESK]);
        let mut servers = Vec::new();
        for hop in Hop::ALL {
            let dir = &county.station(hop.code()).dir;
            prepare(dir, trusts).map_err(|why| format!("{}: {why}", dir.display()))?;
            let program = program::find("nats-server").ok_or("nats-server is not on PATH")?;
            let mut server = tied(&program);
            server.args(["-c", "nats-server.conf"]).current_dir(dir);
            servers.push(server.spawn().map_err(|why| why.to_string())?);
        }
        Ok(Self { county, trusts, servers })
    }

    async fn start(trusts: bool) -> Result<Self, String> {
        let mut this = Self::of_buses(trusts)?;
        for station in this.county.stations.values_mut() {
            station.start();
            station.ready().await;
        }
        for hop in [Hop::Township, Hop::Village] {
            link_is_up(this.county.station(hop.code())).await;
        }
        Ok(this)
    }

    /// Of the server at a hop.
    pub(super) fn bus_pid(&self, hop: Hop) -> Option<u32> {
        self.servers.get(hop as usize)?.id()
    }

    /// Where that server is, for whoever comes without TLS.
    pub(super) fn url(&self, hop: Hop) -> String {
        self.plain_url(hop.code())
    }

    fn plain_url(&self, code: &str) -> String {
        self.county.station(code).bus.replace("tls://", "nats://")
    }

    /// Where reports go in and come out.
    pub(super) fn ends(&self) -> Ends {
        let end = |(code, name, _): Applicant| match self.trusts {
            true => End {
                url: self.county.station(code).bus.clone(),
                who: self.county.application(code, name),
            },
            false => End {
                url: self.plain_url(code),
                who: self
                    .plain(code, &format!("keys/apps/{name}.nk"))
                    .custom_inbox_prefix(format!("_INBOX_app_{name}")),
            },
        };
        Ends { village: end(GRID), county: end(DESK), speaks: Speaks::OURS }
    }

    /// Whoever has this seed out of a station's kit, without TLS.
    pub(super) fn plain(&self, code: &str, seed_file: &str) -> ConnectOptions {
        let file = self.county.home(code).join(seed_file);
        let seed =
            fs::read_to_string(&file).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
        ConnectOptions::with_nkey(seed.trim().to_owned())
    }
}

/// Has a station use a server that others run; without trust, takes away what makes it.
fn prepare(dir: &Path, trusts: bool) -> Result<(), String> {
    let read = |file: &str| fs::read_to_string(dir.join(file)).map_err(|why| why.to_string());
    let write =
        |file: &str, text: String| fs::write(dir.join(file), text).map_err(|why| why.to_string());
    let rendered = read("nats-server.conf")?;
    let lines = rendered.lines().filter(|line| !line.starts_with('#'));
    let conf = serde_json::from_str::<Value>(&lines.collect::<String>());
    let mut conf = conf.map_err(|why| why.to_string())?;
    let settings = read("yizhan.toml")?;
    let listen = settings.lines().find_map(|line| line.strip_prefix("listen = "));
    let listen = listen.ok_or("yizhan.toml has no bus.listen")?;
    let scheme = if trusts { "tls" } else { "nats" };
    let bus = format!(
        "mode = \"external\"\nurl = \"{scheme}://{}\"\ncredentials = \"keys/bus\"",
        listen.trim_matches('"')
    );
    let settings = settings.replacen(&format!("listen = {listen}"), &bus, 1);
    if trusts {
        return write("yizhan.toml", settings);
    }
    conf.as_object_mut().ok_or("nats-server.conf is no object")?.remove("tls");
    write("nats-server.conf", conf.to_string())?;
    let (settings, _) = settings.split_once("\n[tls]").ok_or("yizhan.toml has no [tls]")?;
    write("yizhan.toml", settings.to_owned())?;
    let topology = read("topology.toml")?;
    let keyless = topology.lines().filter(|line| !line.starts_with("key = "));
    write("topology.toml", keyless.map(|line| format!("{line}\n")).collect())
}
