//! The room against a real nats-server, in directories and on ports of the system's choice.

mod client;
mod identity;
mod inbox;
mod inbox_reader;
mod managed;
mod orphan;
mod permissions;
mod server;
mod wire;

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use yizhan_schemas::Code;

use super::*;
use crate::tls::{Authority, Lasts, TlsFiles, Wanted};

/// For what takes milliseconds, on a machine that may be busy.
const SOON: Duration = Duration::from_secs(20);
const STATION: &str = "510722";

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

/// The server that all these tests need.
async fn server_binary() -> ServerBinary {
    match Search::from_environment(None).find().await {
        Ok(binary) => binary,
        Err(error) => panic!("these tests need a real nats-server: {error}"),
    }
}

/// A county with two townships, open to applications, and the keys of the townships.
struct County {
    bus: OwnBus,
    children: [(Code, Credential); 2],
    // dropped last: the server must be gone before its files
    directory: TempDir,
}

impl County {
    async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    async fn start_with(change: impl FnOnce(&mut ManagedPlan)) -> Self {
        server_binary().await;
        let directory = TempDir::new().unwrap();
        let children = ["510722.101", "510722.102"]
            .map(|child| (code(child), Credential::generate().unwrap()));
        let mut plan = plan(directory.path());
        plan.children = children.iter().map(|(code, key)| child(code, key)).collect();
        change(&mut plan);
        let bus = OwnBus::managed(plan).await.unwrap();
        Self { bus, children, directory }
    }

    async fn link(&self) -> Client {
        connected(self.bus.link(&code(STATION)).await).await
    }

    async fn app(&self) -> Client {
        connected(self.bus.app(&code(STATION)).await).await
    }

    /// The connection of the first township.
    async fn uplink(&self) -> Client {
        let (code, key) = &self.children[0];
        connected(Client::dial(Dial::parent(self.bus.url(), key, code)).await).await
    }

    async fn inbox(&self, app: &Client) -> Inbox {
        self.bus.inbox(app, LIMITS).await.unwrap()
    }

    fn managed(&self) -> &Managed {
        match &self.bus {
            OwnBus::Managed(managed) => managed,
            OwnBus::External { .. } => panic!("a county runs its own bus"),
        }
    }

    async fn kill_server(&self) -> u32 {
        let mut pid = self.managed().pid();
        let old = pid.borrow_and_update().unwrap();
        kill(old, rustix::process::Signal::KILL);
        let new = pid.wait_for(|now| now.is_some_and(|now| now != old)).await.unwrap();
        new.unwrap()
    }
}

const LIMITS: InboxLimits =
    InboxLimits { bytes_max: 1024 * 1024, age_max: Duration::from_secs(3600) };

fn plan(data: &Path) -> ManagedPlan {
    ManagedPlan {
        station: code(STATION),
        directory: data.join("bus"),
        listen: Listen::parse("127.0.0.1:0").unwrap(),
        server_path: None,
        children: vec![],
        applications: vec![],
        open: true,
        inbox_bytes_max: LIMITS.bytes_max,
        connections_max: 1024,
        patience: Patience::default(),
        tls: None,
    }
}

/// Certificates for a server and its clients on this machine.
fn certificates(dir: &Path) -> TlsFiles {
    let lasts = Lasts { now: jiff::Timestamp::now().as_second(), days: 1 };
    let authority = Authority::at(dir, "三台县", lasts.now).unwrap();
    let names = ["localhost", "127.0.0.1"].map(str::to_owned).to_vec();
    let wanted = Wanted { whom: STATION.to_owned(), names, server: true, lasts };
    let issued = authority.issue(&wanted, None).unwrap();
    let [ca, cert, key] = ["ca.crt", "station.crt", "station.key"].map(|name| dir.join(name));
    std::fs::write(&cert, issued.certificate).unwrap();
    std::fs::write(&key, issued.key).unwrap();
    TlsFiles { ca, cert, key }
}

fn child(code: &Code, key: &Credential) -> Child {
    Child { code: code.clone(), keys: vec![key.public().unwrap().to_owned()] }
}

async fn connected(client: Result<Client, BusError>) -> Client {
    let client = client.unwrap();
    client.ready(SOON).await.unwrap();
    client
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, what).await.expect("this should happen soon")
}

async fn settled(client: &Client) {
    client.settled(SOON).await.unwrap();
}

fn kill(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}
