//! [`Leaves`]: three nats-servers as a chain of leaves, each stream sourcing the one below.

use serde_json::{Value, json};

use super::servers::Servers;
use super::{Hop, dialled};
use crate::bench::ends::{Ends, Speaks, connect, contains};
use crate::bench::modem::Modem;
use crate::bench::peer::Setup;
use crate::real::county::free_ports;
use crate::real::until::{SOON, until};

/// Between two warming reports: a chain that carries has passed the one before on by then.
const WARM_EVERY: std::time::Duration = std::time::Duration::from_millis(200);
/// Where reports are published.
const SUBJECT: &str = "inc.r";

/// A running chain of leaves. Dropping it kills them and removes their directories.
pub(super) struct Leaves {
    setup: Setup,
    /// Where clients connect, village first.
    clients: Vec<u16>,
    servers: Servers,
}

/// Names of a hop: server, JetStream domain, stream.
fn names(hop: Hop) -> (&'static str, &'static str, &'static str) {
    match hop {
        Hop::Village => (hop.name(), "v", "V"),
        Hop::Township => (hop.name(), "t", "T"),
        Hop::County => (hop.name(), "c", "C"),
    }
}

fn below(hop: Hop) -> Option<Hop> {
    match hop {
        Hop::Village => None,
        Hop::Township => Some(Hop::Village),
        Hop::County => Some(Hop::Township),
    }
}

impl Leaves {
    pub(super) async fn start(setup: Setup, modem: Option<&Modem>) -> Self {
        let mut clients = free_ports(6);
        let leaves = clients.split_off(3);
        let mut this = Self { setup, clients, servers: Servers::of("nats-server") };
        for hop in Hop::ALL {
            let leaf = |hop: Hop| leaves.get(hop as usize).copied().expect("a port for each hop");
            let own = (hop != Hop::Village).then(|| leaf(hop));
            let text = this.config(hop, own, dialled(hop, modem, leaf));
            this.servers.write(hop, "conf", &text);
        }
        for hop in Hop::ALL.into_iter().rev() {
            this.spawn(hop);
        }
        this.make_streams().await;
        this.warm_up().await;
        this
    }

    pub(super) fn ends(&self) -> Ends {
        let speaks = Speaks::Nats {
            subject: SUBJECT,
            stream: names(Hop::County).2,
            taken: |answer| contains(answer, b"\"seq\""),
        };
        Ends::open(self.url(Hop::Village), self.url(Hop::County), speaks)
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

    fn url(&self, hop: Hop) -> String {
        let port = self.clients.get(hop as usize).expect("a port for each hop");
        format!("nats://127.0.0.1:{port}")
    }

    /// `no_advertise`: a leaf that is told the hub's own address would go round a modem.
    fn config(&self, hop: Hop, own: Option<u16>, above: Option<u16>) -> String {
        let (name, domain, _) = names(hop);
        let (client, store) = (self.url(hop), self.servers.path(hop, "store"));
        let client = client.trim_start_matches("nats://");
        let sync = if self.setup.always { "sync_interval: always" } else { "" };
        let listen = own.map_or(String::new(), |port| {
            format!("listen: \"127.0.0.1:{port}\"\n  no_advertise: true")
        });
        let remotes = above.map_or(String::new(), |port| {
            format!("reconnect: 1s\n  remotes: [{{ url: \"nats-leaf://127.0.0.1:{port}\" }}]")
        });
        format!(
            "server_name: {name}\nlisten: \"{client}\"\njetstream {{\n  store_dir: {store:?}\n  \
             domain: {domain}\n  max_file: 20G\n  max_mem: 256M\n  {sync}\n}}\n\
             leafnodes {{\n  {listen}\n  {remotes}\n}}\n"
        )
    }

    async fn make_streams(&self) {
        for hop in Hop::ALL {
            let Some(below) = below(hop) else { continue };
            let info = format!("$JS.{}.API.INFO", names(below).1);
            self.asked(hop, &info, &json!({})).await; // the leaf link is up
        }
        for hop in Hop::ALL {
            let stream = names(hop).2;
            let work_queue = self.setup.durable && hop != Hop::County;
            let mut config = json!({
                "name": stream, "storage": "file", "num_replicas": 1,
                "retention": if work_queue { "workqueue" } else { "limits" },
            });
            let (from, what) = match below(hop).map(names) {
                None => ("subjects", json!([SUBJECT])),
                Some((_, domain, name)) => ("sources", json!([self.source(domain, name)])),
            };
            if let Some(config) = config.as_object_mut() {
                config.insert(from.to_owned(), what);
            }
            self.asked(hop, &format!("$JS.API.STREAM.CREATE.{stream}"), &config).await;
            if work_queue {
                let config = json!({
                    "name": "up", "durable_name": "up", "deliver_subject": format!("src.{stream}"),
                    "deliver_policy": "all", "ack_policy": "flow_control", "max_deliver": -1,
                    "flow_control": true, "idle_heartbeat": 1_000_000_000_u64,
                    "replay_policy": "instant",
                });
                let make = json!({"stream_name": stream, "config": config, "action": "create"});
                self.asked(hop, &format!("$JS.API.CONSUMER.CREATE.{stream}.up"), &make).await;
            }
        }
    }

    fn source(&self, domain: &str, stream: &str) -> Value {
        let external = json!({"api": format!("$JS.{domain}.API"), "deliver": ""});
        if !self.setup.durable {
            return json!({"name": stream, "external": external});
        }
        let consumer = json!({"name": "up", "deliver_subject": format!("src.{stream}")});
        json!({"name": stream, "external": external, "consumer": consumer})
    }

    /// Asks JetStream until it answers.
    ///
    /// # Panics
    /// It says no: this chain would not be the one that is to be measured.
    async fn asked(&self, hop: Hop, subject: &str, body: &Value) -> Value {
        let nats = connect(&self.url(hop)).await;
        let answer = until(SOON, subject, || async {
            nats.request(subject.to_owned(), body.to_string().into()).await.ok()
        })
        .await;
        let answer: Value = serde_json::from_slice(&answer.payload).expect("JSON");
        assert!(answer.get("error").is_none(), "{subject}: {answer}");
        answer
    }

    /// Publishes until something comes through, and waits until all of that has.
    async fn warm_up(&self) {
        let village = connect(&self.url(Hop::Village)).await;
        let info = format!("$JS.API.STREAM.INFO.{}", names(Hop::County).2);
        let mut sent = 0;
        until(SOON, "the chain carries", || {
            sent += 1;
            let (village, info) = (&village, &info);
            async move {
                village.request(SUBJECT, "warm".into()).await.ok()?;
                tokio::time::sleep(WARM_EVERY).await;
                let state = self.asked(Hop::County, info, &json!({})).await;
                (state.pointer("/state/messages")?.as_u64()? >= sent).then_some(())
            }
        })
        .await;
    }
}
