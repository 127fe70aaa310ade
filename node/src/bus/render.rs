//! [`ServerConfig`]: the text of a nats-server configuration for one station, as a pure function.
//!
//! Promise: two accounts. `LINK` holds the node and its child stations and has no JetStream; `APP`
//! holds the node and the local applications. The one passage between them is that `APP` imports
//! `yz.submit.>` and `yz.ack.>` as shared services, so that a request reaches the node with the
//! publisher stamped on it by the server. In the server's system account, which every server has,
//! is only the node of a managed bus, with one question that it may ask. The text is JSON, which nats-server reads as it is: the
//! quoting is serde's. No `no_advertise` is needed: a server without a cluster advertises nothing.

mod party;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nkeys::{KeyPair, KeyPairType};
use serde_json::{Value, json};
use yizhan_schemas::Code;
use yizhan_topology::Right;

pub use party::{Application, Child};

use super::listen::Listen;
use super::{BusError, permissions, subjects};
use crate::tls::TlsFiles;

/// Longest message, in bytes: NATS's own default, and what a frame is cut to.
pub const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;
/// JetStream's own default is two minutes, in which a power cut takes what was acked. A second is
/// what may be lost if the node does not sync the files itself; `always` costs a server all but
/// 2,000 messages a second.
pub const SYNC_INTERVAL_SECONDS: u64 = 1;
/// A child on 9.6 kbit/s takes this long for 36 KB; cut off earlier it would never catch up.
const WRITE_DEADLINE: &str = "30s";
/// The server's own two seconds end a handshake at 9.6 kbit/s whose first words wait in a queue.
const HANDSHAKE_SECONDS: u64 = 15;
/// A dead client is forgotten after three of these.
const PING_INTERVAL: &str = "20s";
/// Beyond `YZ_INBOX` itself: room for its bookkeeping, so that a full disk is not announced early.
const STORE_SLACK_BYTES: u64 = 64 * 1024 * 1024;
/// Consumers kept in memory by applications share this.
const MEMORY_STORE_BYTES: u64 = 64 * 1024 * 1024;
/// Applications create consumers freely; each costs files.
const CONSUMERS_MAX: u32 = 1024;
/// Most subscriptions of one connection: an application has a few, the node a dozen.
const SUBSCRIPTIONS_MAX: u32 = 1024;
/// Longest line of the protocol before a body, bytes: what subjects may have together.
const CONTROL_LINE_BYTES_MAX: u32 = 4096;
/// Bytes that wait for one connection that does not read; more, and it is cut off. The node reads
/// its children's frames and its applications' requests over one connection each.
const PENDING_BYTES_MAX: u32 = 32 * 1024 * 1024;
/// Name of the user that connections without credentials become in a demo.
pub const OPEN_USER: &str = "demo";

/// All that the configuration of one station's server depends on.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The station, and the server's name.
    pub station: Code,
    /// Where clients connect; the port is a real one.
    pub listen: Listen,
    /// JetStream keeps its files in `<store_dir>/jetstream`.
    pub store_dir: PathBuf,
    /// Where the server logs.
    pub log_file: PathBuf,
    /// Public key of the node in `LINK`.
    pub link_key: String,
    /// Public key of the node in `APP`.
    pub app_key: String,
    /// Public key of the node in `SYS`, where it asks for connections that are closed; none if it
    /// does not.
    pub watch_key: Option<String>,
    /// Child stations.
    pub children: Vec<Child>,
    /// Applications with keys.
    pub applications: Vec<Application>,
    /// Connections without credentials are an application: the password of that user, which
    /// nobody needs to know. Only on a loopback address.
    pub open_password: Option<String>,
    /// `inbox.max_bytes`.
    pub inbox_bytes_max: u64,
    /// `bus.max_connections`; each account may have half of them, so that neither children nor
    /// applications shut the others out.
    pub connections_max: u32,
    /// If set, every client must come with TLS and a certificate of the same authority.
    pub tls: Option<TlsFiles>,
}

impl ServerConfig {
    /// The text of the configuration file of a managed bus.
    pub fn render(&self) -> Result<String, BusError> {
        let body = self.body()?;
        Ok(format!("# Written by yizhan at each start; changes made here are lost.\n{body}"))
    }

    /// The same without a comment.
    pub fn body(&self) -> Result<String, BusError> {
        self.check_keys()?;
        if self.open_password.is_some() && !self.listen.is_loopback() {
            return Err(BusError::OpenToTheNetwork { listen: self.listen.to_string() });
        }
        if self.tls.is_none() && !self.listen.is_loopback() {
            return Err(BusError::PlainToTheNetwork { listen: self.listen.to_string() });
        }
        Ok(format!("{:#}\n", self.tree()?))
    }

    fn tree(&self) -> Result<Value, BusError> {
        let mut tree = json!({
            "server_name": self.station.as_str(),
            "host": self.listen.host,
            "port": self.listen.port,
            "max_payload": MAX_PAYLOAD_BYTES,
            "max_connections": self.connections_max,
            "max_subscriptions": SUBSCRIPTIONS_MAX,
            "max_control_line": CONTROL_LINE_BYTES_MAX,
            "max_pending": PENDING_BYTES_MAX,
            "write_deadline": WRITE_DEADLINE,
            "authorization": { "timeout": HANDSHAKE_SECONDS },
            "ping_interval": PING_INTERVAL,
            "ping_max": 2,
            "log_file": plain(&self.log_file)?,
            "logfile_size_limit": 10 * 1024 * 1024,
            "logfile_max_num": 3,
            "jetstream": {
                "store_dir": plain(&self.store_dir)?,
                "sync_interval": format!("{SYNC_INTERVAL_SECONDS}s"),
                "max_file_store": self.inbox_bytes_max.saturating_add(STORE_SLACK_BYTES),
                "max_memory_store": MEMORY_STORE_BYTES,
            },
            "accounts": { "LINK": self.link_account(), "APP": self.app_account()? },
        });
        if let (Some(key), Some(root)) = (&self.watch_key, tree.as_object_mut()) {
            let may = permissions::of_watch(&self.station);
            let system = json!({ "users": [{ "nkey": key, "permissions": may }] });
            root.insert("system_account".to_owned(), json!("SYS"));
            if let Some(accounts) = root.get_mut("accounts").and_then(Value::as_object_mut) {
                accounts.insert("SYS".to_owned(), system);
            }
        }
        if let (Some(_), Some(root)) = (&self.open_password, tree.as_object_mut()) {
            root.insert("no_auth_user".to_owned(), json!(OPEN_USER));
        }
        if let (Some(tls), Some(root)) = (&self.tls, tree.as_object_mut()) {
            let tls = json!({
                "cert_file": plain(&tls.cert)?,
                "key_file": plain(&tls.key)?,
                "ca_file": plain(&tls.ca)?,
                "verify": true,
                "timeout": HANDSHAKE_SECONDS,
            });
            root.insert("tls".to_owned(), tls);
        }
        Ok(tree)
    }

    fn link_account(&self) -> Value {
        let mut users = vec![json!({ "nkey": self.link_key })];
        for child in &self.children {
            let may = permissions::of_child(&child.code);
            users.extend(child.keys.iter().map(|key| json!({ "nkey": key, "permissions": may })));
        }
        let export = |subject| json!({ "service": subject, "accounts": ["APP"] });
        let exports = [subjects::SUBMIT_ALL, subjects::ACK_ALL].map(export);
        json!({ "users": users, "exports": exports, "limits": self.limits() })
    }

    /// Of one account.
    fn limits(&self) -> Value {
        json!({ "max_connections": self.connections_max / 2 })
    }

    fn app_account(&self) -> Result<Value, BusError> {
        let mut users = vec![json!({ "nkey": self.app_key })];
        for application in &self.applications {
            let may =
                permissions::of_application(&application.inbox_prefix()?, &application.rights);
            let keys = application.keys.iter();
            users.extend(keys.map(|key| json!({ "nkey": key, "permissions": may })));
        }
        if let Some(password) = &self.open_password {
            // a name rather than an nkey: it is what `Nats-Request-Info` shows as the publisher
            let may = permissions::of_application("_INBOX", &Right::ALL);
            users.push(json!({ "user": OPEN_USER, "password": password, "permissions": may }));
        }
        let import = |subject| json!({ "service": { "account": "LINK", "subject": subject }, "share": true });
        let imports = [subjects::SUBMIT_ALL, subjects::ACK_ALL].map(import);
        let jetstream = json!({ "max_consumers": CONSUMERS_MAX });
        let limits = self.limits();
        Ok(json!({
            "jetstream": jetstream, "users": users, "imports": imports, "limits": limits,
        }))
    }

    /// Each key is a user's public key and belongs to one party; the server would only say
    /// "duplicate" or take the second table.
    fn check_keys(&self) -> Result<(), BusError> {
        let mut owners = BTreeMap::new();
        let node = |key| (format!("station {}", self.station), key);
        let mut all = vec![node(&self.link_key), node(&self.app_key)];
        all.extend(self.watch_key.as_ref().map(node));
        for child in &self.children {
            if child.code.parent().as_ref() != Some(&self.station) {
                let (child, station) = (child.code.clone(), self.station.clone());
                return Err(BusError::NotAChild { child, station });
            }
            all.extend(child.keys.iter().map(|key| (format!("station {}", child.code), key)));
        }
        for application in &self.applications {
            let whose = format!("application {}", application.name);
            all.extend(application.keys.iter().map(|key| (whose.clone(), key)));
        }
        for (whose, key) in all {
            check_key(&whose, key)?;
            if let Some(first) = owners.insert(key, whose.clone()) {
                return Err(BusError::SharedKey { key: key.clone(), first, second: whose });
            }
        }
        Ok(())
    }
}

fn check_key(whose: &str, key: &str) -> Result<(), BusError> {
    let why = match KeyPair::from_public_key(key).map(|pair| pair.key_pair_type()) {
        Ok(KeyPairType::User) => return Ok(()),
        Ok(other) => format!("it is of the type {other:?}"),
        // a seed pasted by mistake must not end up in a log
        Err(_) if key.starts_with('S') => {
            let (whose, key) = (whose.to_owned(), "S…".to_owned());
            let why = "it looks like a secret seed".to_owned();
            return Err(BusError::BadPublicKey { whose, key, why });
        }
        Err(error) => error.to_string(),
    };
    Err(BusError::BadPublicKey { whose: whose.to_owned(), key: key.to_owned(), why })
}

/// A path as the server's parser takes it: text without control characters, whose escapes it does
/// not know.
fn plain(path: &Path) -> Result<&str, BusError> {
    let text = path.to_str().filter(|text| !text.contains(|c: char| c.is_control()));
    text.ok_or_else(|| BusError::File {
        doing: "use the path (it is not plain UTF-8 text, as nats-server needs)",
        path: path.to_owned(),
        source: std::io::ErrorKind::InvalidInput.into(),
    })
}

#[cfg(test)]
mod tests;
