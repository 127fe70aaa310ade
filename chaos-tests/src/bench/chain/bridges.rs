//! [`Bridges`]: three mosquitto brokers, each bridged to the one above with QoS 1.
//!
//! Queues are unbounded, as ours is bounded by the disk only; a broker writes its store every half
//! hour and at an orderly end, so that its PUBACK does not mean "on disk".

use super::servers::Servers;
use super::{Hop, dialled};
use crate::bench::ends::{Ends, Speaks};
use crate::bench::modem::Modem;
use crate::real::county::free_ports;

const TOPIC: &str = "inc/r";

/// A running chain of brokers. Dropping it kills them and removes their directories.
pub(super) struct Bridges {
    ports: Vec<u16>,
    servers: Servers,
}

impl Bridges {
    pub(super) async fn start(modem: Option<&Modem>) -> Self {
        let mut this = Self { ports: free_ports(3), servers: Servers::of("mosquitto") };
        for hop in Hop::ALL {
            let above = dialled(hop, modem, |above| this.port(above));
            this.servers.write(hop, "conf", &this.config(hop, above));
            std::fs::create_dir(this.servers.path(hop, "store")).expect("a directory");
        }
        Hop::ALL.into_iter().rev().for_each(|hop| this.spawn(hop));
        let ends = this.ends();
        this.servers.warm_up(&ends).await;
        this
    }

    pub(super) fn ends(&self) -> Ends {
        let address = |hop| format!("127.0.0.1:{}", self.port(hop));
        let speaks = Speaks::Mqtt { topic: TOPIC };
        Ends::open(address(Hop::Village), address(Hop::County), speaks)
    }

    pub(super) fn servers(&self) -> &Servers {
        &self.servers
    }

    pub(super) fn servers_mut(&mut self) -> &mut Servers {
        &mut self.servers
    }

    pub(super) fn spawn(&mut self, hop: Hop) {
        self.servers.spawn_configured(hop);
    }

    fn port(&self, hop: Hop) -> u16 {
        self.ports.get(hop as usize).copied().expect("a port for each hop")
    }

    /// `user root`: a broker that root starts would change to a user who may not write here.
    fn config(&self, hop: Hop, above: Option<u16>) -> String {
        let (port, store) = (self.port(hop), self.servers.path(hop, "store"));
        let mut text = format!(
            "user root\nlistener {port} 127.0.0.1\nallow_anonymous true\nlog_dest stderr\n\
             persistence true\npersistence_location {}/\nset_tcp_nodelay true\n\
             max_queued_messages 0\nmax_queued_bytes 0\nmax_inflight_messages 1000\n",
            store.display()
        );
        if let Some(above) = above {
            text += &format!(
                "connection {}-up\naddress 127.0.0.1:{above}\nbridge_protocol_version mqttv311\n\
                 topic # out 1\ncleansession false\nnotifications false\nrestart_timeout 1 1\n",
                hop.name()
            );
        }
        text
    }
}
