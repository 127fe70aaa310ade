//! [`Chain`]: a county, a township and a village, real processes on loopback.

mod bridges;
mod leaves;
mod relays;
mod servers;
mod shovels;

use std::time::{Duration, Instant};

use super::ends::{Ends, Speaks};
use super::modem::Modem;
use super::peer::Peer;
use super::quantile;
use crate::real::county::{County, Plan};
use crate::real::place::Place;
use crate::real::station;
use crate::real::until::{SOON, until};
use bridges::Bridges;
use leaves::Leaves;
use relays::Relays;
use servers::Servers;
pub(in crate::bench) use servers::tied;
use shovels::Shovels;

/// A tier of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hop {
    /// Where reports begin.
    Village,
    /// In the middle.
    Township,
    /// Where they end.
    County,
}

impl Hop {
    /// From below to above.
    pub const ALL: [Self; 3] = [Self::Village, Self::Township, Self::County];

    /// The next one on the way up.
    pub fn above(self) -> Option<Self> {
        match self {
            Self::Village => Some(Self::Township),
            Self::Township => Some(Self::County),
            Self::County => None,
        }
    }

    /// What a peer's server there is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Village => "village",
            Self::Township => "township",
            Self::County => "county",
        }
    }

    /// Its station's code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Village => "510722.101.001",
            Self::Township => "510722.101",
            Self::County => "510722",
        }
    }
}

/// What a process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Decides and keeps: our node; a peer's server.
    Node,
    /// Carries for the node: the nats-server beside ours.
    Bus,
}

/// A running chain. Dropping it ends its processes.
pub struct Chain {
    peer: Peer,
    tiers: Tiers,
    modem: Option<Modem>,
}

enum Tiers {
    Yizhan(County),
    Nats(Box<Leaves>),
    Rabbit(Box<Shovels>),
    Mosquitto(Box<Bridges>),
    Buses(Box<Relays>),
}

impl Chain {
    /// Starts one, and waits until it carries.
    pub async fn start(peer: Peer) -> Self {
        Self::with(peer, None).await
    }

    /// The same with a modem between village and township.
    pub async fn behind_modem(peer: Peer) -> Self {
        Self::with(peer, Some(Modem::start().expect("a port"))).await
    }

    async fn with(peer: Peer, modem: Option<Modem>) -> Self {
        let between = modem.as_ref();
        let tiers = match peer {
            Peer::Yizhan => Tiers::Yizhan(county(between).await),
            Peer::Nats(setup) => Tiers::Nats(Box::new(Leaves::start(setup, between).await)),
            Peer::Rabbit => Tiers::Rabbit(Box::new(Shovels::start(between).await)),
            Peer::Mosquitto => Tiers::Mosquitto(Box::new(Bridges::start(between).await)),
            Peer::Buses(keeps) => Tiers::Buses(Box::new(Relays::start(keeps).await)),
        };
        Self { peer, tiers, modem }
    }

    /// Whose it is.
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// Where reports go in and come out.
    pub fn ends(&self) -> Ends {
        match &self.tiers {
            Tiers::Yizhan(county) => {
                let bus = |hop: Hop| county.station(hop.code()).bus.clone();
                Ends::open(bus(Hop::Village), bus(Hop::County), Speaks::OURS)
            }
            Tiers::Nats(leaves) => leaves.ends(),
            Tiers::Rabbit(shovels) => shovels.ends(),
            Tiers::Mosquitto(bridges) => bridges.ends(),
            Tiers::Buses(relays) => relays.ends(),
        }
    }

    /// The line between village and township.
    ///
    /// # Panics
    /// A chain without one.
    pub fn modem(&self) -> &Modem {
        self.modem.as_ref().expect("started behind a modem")
    }

    /// One of our stations; none of a peer.
    pub fn place(&self, hop: Hop) -> Option<&Place> {
        match &self.tiers {
            Tiers::Yizhan(county) => Some(county.station(hop.code())),
            _ => None,
        }
    }

    /// All processes of that part.
    pub fn pids(&self, part: Part) -> Vec<u32> {
        Hop::ALL.into_iter().filter_map(|hop| self.pid(hop, part)).collect()
    }

    /// The process of that part at a hop, if it runs.
    pub fn pid(&self, hop: Hop, part: Part) -> Option<u32> {
        match (&self.tiers, part) {
            (Tiers::Yizhan(county), Part::Node) => county.station(hop.code()).pid(),
            (Tiers::Yizhan(county), Part::Bus) => county.station(hop.code()).bus_pid(),
            (Tiers::Buses(relays), Part::Bus) => relays.pid(hop),
            (_, Part::Node) => self.servers()?.pid(hop),
            (_, Part::Bus) => None,
        }
    }

    /// A peer's.
    fn servers(&self) -> Option<&Servers> {
        match &self.tiers {
            Tiers::Yizhan(_) | Tiers::Buses(_) => None,
            Tiers::Nats(leaves) => Some(leaves.servers()),
            Tiers::Rabbit(shovels) => Some(shovels.servers()),
            Tiers::Mosquitto(bridges) => Some(bridges.servers()),
        }
    }

    /// kill -9, without a warning. What belongs to it goes with it.
    pub async fn kill(&mut self, hop: Hop) {
        match &mut self.tiers {
            Tiers::Yizhan(county) => {
                let bus = county.station(hop.code()).bus_pid();
                county.station_mut(hop.code()).kill().await;
                if let Some(bus) = bus {
                    station::gone(bus, SOON).await;
                }
            }
            Tiers::Nats(leaves) => leaves.servers_mut().kill(hop).await,
            Tiers::Rabbit(shovels) => shovels.servers_mut().kill(hop).await,
            Tiers::Mosquitto(bridges) => bridges.servers_mut().kill(hop).await,
            Tiers::Buses(_) => panic!("bare buses are not worth killing"),
        }
    }

    /// Starts what was killed; waits for nothing.
    pub fn revive(&mut self, hop: Hop) {
        match &mut self.tiers {
            Tiers::Yizhan(county) => county.station_mut(hop.code()).start(),
            Tiers::Nats(leaves) => leaves.spawn(hop),
            Tiers::Rabbit(shovels) => shovels.spawn(hop),
            Tiers::Mosquitto(bridges) => bridges.spawn(hop),
            Tiers::Buses(_) => {}
        }
    }

    /// Waits until one of our stations takes messages.
    ///
    /// # Panics
    /// It does not come up; it is a peer's.
    pub async fn ready(&mut self, hop: Hop) {
        match &mut self.tiers {
            Tiers::Yizhan(county) => county.station_mut(hop.code()).ready().await,
            _ => panic!("asked of our own stations only"),
        }
    }

    /// What an append of 400 bytes and a sync cost on this disk right now, median, milliseconds.
    pub fn disk_sync_ms() -> f64 {
        let probe = || -> std::io::Result<Vec<Duration>> {
            use std::io::Write as _;
            let mut file = tempfile::NamedTempFile::new()?;
            let mut took = Vec::new();
            for _ in 0..200 {
                let began = Instant::now();
                file.write_all(&[b'x'; 400])?;
                file.as_file().sync_data()?;
                took.push(began.elapsed());
            }
            Ok(took)
        };
        quantile::ms(&probe().unwrap_or_default(), 0.5)
    }
}

/// Our own stations, their links up.
async fn county(modem: Option<&Modem>) -> County {
    // one publisher of these is faster than a station takes from one by default
    let mut plan = Plan::of(&[Hop::County, Hop::Township, Hop::Village].map(Hop::code))
        .with_env(Hop::Village.code(), "YIZHAN__INGEST__RATE", "1000000")
        // ten million reports are more than an inbox holds by default
        .with_env(Hop::County.code(), "YIZHAN__INBOX__MAX_BYTES", "16GiB");
    if let Some(modem) = modem {
        plan = plan.dialled_at(Hop::Township.code(), modem.port());
    }
    let county = plan.start().await;
    if let Some(modem) = modem {
        let bus = &county.station(Hop::Township.code()).bus;
        let address = bus.trim_start_matches("nats://").parse().expect("an address with a port");
        modem.towards(address);
    }
    for hop in [Hop::Township, Hop::Village] {
        link_is_up(county.station(hop.code())).await;
    }
    county
}

/// Waits until a station of ours has a session with its parent.
pub(super) async fn link_is_up(place: &Place) {
    until(SOON, format!("the link of {} is up", place.code), || async {
        let up = place.metric("yizhan_link_up", "link=\"up\"").await?;
        (up > 0.0).then_some(())
    })
    .await;
}

/// The port that a peer's server dials: that of the one above, or the modem's that leads there.
fn dialled(hop: Hop, modem: Option<&Modem>, port: impl Fn(Hop) -> u16) -> Option<u16> {
    let above = port(hop.above()?);
    let Some(modem) = modem.filter(|_| hop == Hop::Village) else { return Some(above) };
    modem.towards(([127, 0, 0, 1], above).into());
    Some(modem.port())
}
