//! [`Shovels`]: three RabbitMQ nodes; a shovel at each takes from its own queue and publishes into
//! the one above, and acknowledges below when that has confirmed.
//!
//! The nodes know nothing of a RabbitMQ that is installed as a service: they have a port mapper,
//! names, a cookie and directories of their own.

use std::process::Stdio;

use tokio::process::Child;

use super::servers::{Servers, tied};
use super::{Hop, dialled};
use crate::bench::ends::{Ends, Speaks};
use crate::bench::modem::Modem;
use crate::bench::program;
use crate::real::county::free_ports;
use crate::real::until::{SOON, until};

const QUEUE: &str = "inc";
/// Messages that a shovel may hold unconfirmed.
const PREFETCH: usize = 256;
/// Seconds: a black hole is noticed after two of them, a refused link is tried anew after one.
const HEARTBEAT: usize = 10;
const RECONNECT: usize = 1;
/// For the script: let the Erlang machine take its place, so that the process that is watched and
/// killed is the node. For the machine: nobody types; nodes meet on loopback only; threads that
/// wait do not spin, since all tiers share the processors here.
const ERL_ARGS: &str = "-noinput -kernel inet_dist_use_interface {127,0,0,1} \
                        +sbwt none +sbwtdcpu none +sbwtdio none";

/// A running chain of nodes. Dropping it kills them and removes their directories.
pub(super) struct Shovels {
    servers: Servers,
    /// For clients, village first; then for the nodes' own protocol; then the mapper's.
    ports: [Vec<u16>; 2],
    mapper_port: u16,
    _mapper: Child,
}

impl Shovels {
    pub(super) async fn start(modem: Option<&Modem>) -> Self {
        let mut clients = free_ports(7);
        let mapper_port = clients.pop().expect("seven ports");
        let own = clients.split_off(3);
        let (servers, ports) = (Servers::of("rabbitmq-server"), [clients, own]);
        let mapper = mapper(mapper_port).await;
        let mut this = Self { servers, ports, mapper_port, _mapper: mapper };
        for hop in Hop::ALL {
            let above = dialled(hop, modem, |above| this.port(above));
            let listen = format!("listeners.tcp.1 = 127.0.0.1:{}\n", this.port(hop));
            this.servers.write(hop, "conf", &listen);
            this.servers.write(hop, "advanced.config", &this.shovels(hop, above));
            this.servers.write(hop, "plugins", "[rabbitmq_shovel].\n");
            this.servers.write(hop, "env", ""); // instead of the service's
        }
        Hop::ALL.into_iter().rev().for_each(|hop| this.spawn(hop));
        let ends = this.ends();
        this.servers.warm_up(&ends).await;
        this
    }

    pub(super) fn ends(&self) -> Ends {
        let [village, county] = [Hop::Village, Hop::County].map(|hop| url(self.port(hop)));
        Ends::open(village, county, Speaks::Amqp { queue: QUEUE })
    }

    pub(super) fn servers(&self) -> &Servers {
        &self.servers
    }

    pub(super) fn servers_mut(&mut self) -> &mut Servers {
        &mut self.servers
    }

    pub(super) fn spawn(&mut self, hop: Hop) {
        let path = |ending| self.servers.path(hop, ending);
        let [clients, own] = self.ports.each_ref().map(|ports| ports.get(hop as usize).copied());
        let number = |port: Option<u16>| port.expect("a port for each hop").to_string();
        let variables = [
            ("HOME", self.servers.home()),
            ("RABBITMQ_CONF_ENV_FILE", path("env")),
            ("RABBITMQ_CONFIG_FILE", path("conf")),
            ("RABBITMQ_ADVANCED_CONFIG_FILE", path("advanced.config")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins")),
            ("RABBITMQ_MNESIA_BASE", path("store")),
            ("RABBITMQ_LOG_BASE", path("logs")),
            ("RABBITMQ_PID_FILE", path("pid")),
        ];
        let mapper = self.mapper_port.to_string();
        self.servers.spawn(hop, |command| {
            command
                .envs(variables)
                .env("RABBITMQ_LOGS", "-") // into the log that is shown when it does not start
                .env("RABBITMQ_NODENAME", format!("{}@localhost", hop.name()))
                .env("RABBITMQ_NODE_PORT", number(clients))
                .env("RABBITMQ_DIST_PORT", number(own))
                .env("RABBITMQ_ALLOW_INPUT", "1")
                .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", ERL_ARGS)
                .env("ERL_EPMD_PORT", mapper)
                .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        });
    }

    fn port(&self, hop: Hop) -> u16 {
        let [clients, _] = &self.ports;
        clients.get(hop as usize).copied().expect("a port for each hop")
    }

    fn shovels(&self, hop: Hop, above: Option<u16>) -> String {
        let Some(above) = above else { return "[].\n".to_owned() };
        let (from, to) = (url(self.port(hop)), url(above));
        let declared = format!(
            "{{declarations, [{{'queue.declare', [{{queue, <<\"{QUEUE}\">>}}, durable]}}]}}"
        );
        format!(
            "[{{rabbitmq_shovel, [{{shovels, [{{up, [\n  \
             {{source, [{{protocol, amqp091}}, {{uris, [\"{from}\"]}}, {declared},\n    \
             {{queue, <<\"{QUEUE}\">>}}, {{prefetch_count, {PREFETCH}}}]}},\n  \
             {{destination, [{{protocol, amqp091}}, {{uris, [\"{to}?heartbeat={HEARTBEAT}\"]}}, \
             {declared},\n    {{publish_properties, [{{delivery_mode, 2}}]}},\n    \
             {{publish_fields, [{{exchange, <<\"\">>}}, {{routing_key, <<\"{QUEUE}\">>}}]}}]}},\n  \
             {{ack_mode, on_confirm}}, {{reconnect_delay, {RECONNECT}}}]}}]}}]}}].\n"
        )
    }
}

/// The guest of each node; `%2f` is its virtual host `/`.
fn url(port: u16) -> String {
    format!("amqp://guest:guest@127.0.0.1:{port}/%2f")
}

/// Erlang's port mapper in the foreground: one that a node starts by itself would stay behind.
async fn mapper(port: u16) -> Child {
    let epmd = program::find("epmd").expect("epmd not found on PATH: it comes with Erlang");
    let mut command = tied(&epmd);
    command.args(["-address", "127.0.0.1", "-port", &port.to_string()]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().expect("setpriv (util-linux) starts");
    until(SOON, "epmd listens", || async {
        tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
    })
    .await;
    child
}
