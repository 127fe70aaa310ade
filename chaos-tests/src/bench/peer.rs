//! [`Peer`]: what a chain is made of: our stations, or what a user would pick instead.

use std::fmt;
use std::str::FromStr;

use super::program;

/// Whose chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// Ours: custody at each hop, on disk before each answer.
    Yizhan,
    /// nats-server leaf chain, each tier's stream sources the one below.
    Nats(Setup),
    /// Three RabbitMQ nodes, shovels that acknowledge below when the node above has confirmed.
    Rabbit,
    /// Three mosquitto brokers, bridges with QoS 1. A PUBACK does not mean that it is on disk.
    Mosquitto,
    /// The buses of our chain with relays that do next to nothing between them: what we do not
    /// know how to have for less.
    Buses(Keeps),
}

/// What the relays between bare buses keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keeps {
    /// Nothing.
    Nothing,
    /// Each frame in a file, on disk before it is answered.
    Synced,
}

/// How a NATS chain is set up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setup {
    /// Sourced through a durable consumer made beforehand, from work queues (ADR-60): a message
    /// leaves a hop when the next one has it.
    pub durable: bool,
    /// `sync_interval: always`: each message is on disk before its answer. Otherwise up to two
    /// minutes later.
    pub always: bool,
}

impl Peer {
    /// All of them, ours first, those of bare buses last.
    pub const ALL: [Self; 9] = [
        Self::Yizhan,
        Self::Nats(Setup { durable: false, always: false }),
        Self::Nats(Setup { durable: true, always: false }),
        Self::Nats(Setup { durable: false, always: true }),
        Self::Nats(Setup { durable: true, always: true }),
        Self::Rabbit,
        Self::Mosquitto,
        Self::BARE,
        Self::SYNCED,
    ];
    /// The least of a chain over our buses.
    pub const BARE: Self = Self::Buses(Keeps::Nothing);
    /// The least of one that keeps its promise.
    pub const SYNCED: Self = Self::Buses(Keeps::Synced);
    /// As a server is by default.
    pub const NATS: Self = Self::Nats(Setup { durable: false, always: false });
    /// With custody, not synced.
    pub const NATS_DURABLE: Self = Self::Nats(Setup { durable: true, always: false });
    /// Synced, without custody.
    pub const NATS_ALWAYS: Self = Self::Nats(Setup { durable: false, always: true });

    /// The program that its chain runs; ours is built here, and finds its nats-server by itself.
    pub fn program(self) -> &'static str {
        match self {
            Self::Yizhan => "yizhan",
            Self::Nats(_) | Self::Buses(_) => "nats-server",
            Self::Rabbit => "rabbitmq-server",
            Self::Mosquitto => "mosquitto",
        }
    }

    /// Whether that program is on this machine.
    pub fn is_here(self) -> bool {
        self == Self::Yizhan || program::find(self.program()).is_some()
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Yizhan => "yizhan",
            Self::Nats(Setup { durable: false, always: false }) => "nats",
            Self::Nats(Setup { durable: true, always: false }) => "nats-durable",
            Self::Nats(Setup { durable: false, always: true }) => "nats-always",
            Self::Nats(Setup { durable: true, always: true }) => "nats-durable-always",
            Self::Rabbit => "rabbitmq",
            Self::Mosquitto => "mosquitto",
            Self::Buses(Keeps::Nothing) => "buses",
            Self::Buses(Keeps::Synced) => "buses-synced",
        })
    }
}

impl FromStr for Peer {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|peer| peer.to_string() == name);
        found.ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(Self::to_string).collect();
            format!("no peer {name}; there are {}", known.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_peer_is_found_by_its_name_and_nobody_else_is() {
        for peer in Peer::ALL {
            assert_eq!(peer.to_string().parse(), Ok(peer));
        }
        assert!("kafka".parse::<Peer>().unwrap_err().contains("nats-durable-always"));
    }
}
