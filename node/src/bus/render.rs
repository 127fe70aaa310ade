//! [`ServerConfig`]: the text of a nats-server configuration for one station, as a pure function.
//!
//! Promise: two accounts. `LINK` holds the node and its child stations and has no JetStream; `APP`
//! holds the node and the local applications. The one passage between them is that `APP` imports
//! `yz.submit.>` and `yz.ack.>` as shared services, so that a request reaches the node with the
//! publisher stamped on it by the server. The text is JSON, which nats-server reads as it is: the
//! quoting is serde's. No `no_advertise` is needed: a server without a cluster advertises nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nkeys::{KeyPair, KeyPairType};
use serde_json::{Value, json};
use yizhan_schemas::Code;
use yizhan_topology::{Right, Topology};

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
/// Name of the user that connections without credentials become in a demo.
pub const OPEN_USER: &str = "demo";

/// A child station and the public keys it may come with (the first is the current one).
#[derive(Debug, Clone)]
pub struct Child {
    /// Its place, directly below the bus's station.
    pub code: Code,
    /// Public user nkeys.
    pub keys: Vec<String>,
}

/// A local application that has a key.
#[derive(Debug, Clone)]
pub struct Application {
    /// Letters, digits, `_`, `-`; its inboxes are below `_INBOX_app_<name>`.
    pub name: String,
    /// Public user nkeys.
    pub keys: Vec<String>,
    /// What it may do.
    pub rights: Vec<Right>,
}

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
    /// Child stations.
    pub children: Vec<Child>,
    /// Applications with keys.
    pub applications: Vec<Application>,
    /// Connections without credentials are an application: the password of that user, which
    /// nobody needs to know. Only on a loopback address.
    pub open_password: Option<String>,
    /// `inbox.max_bytes`.
    pub inbox_bytes_max: u64,
    /// If set, every client must come with TLS and a certificate of the same authority.
    pub tls: Option<TlsFiles>,
}

impl Child {
    /// The children of a station, with those of their keys that are believed.
    pub fn all_of(topology: &Topology, code: &Code) -> Vec<Self> {
        let children = topology.children(code).iter().filter_map(|child| topology.station(child));
        let child = |station: &yizhan_topology::Station| Self {
            code: station.code.clone(),
            keys: believed(topology, &station.keys),
        };
        children.map(child).collect()
    }
}

fn believed(topology: &Topology, keys: &[String]) -> Vec<String> {
    keys.iter().filter(|key| !topology.is_revoked(key)).cloned().collect()
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
        json!({ "users": users, "exports": exports })
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
        Ok(json!({ "jetstream": jetstream, "users": users, "imports": imports }))
    }

    /// Each key is a user's public key and belongs to one party; the server would only say
    /// "duplicate" or take the second table.
    fn check_keys(&self) -> Result<(), BusError> {
        let mut owners = BTreeMap::new();
        let node = |key| (format!("station {}", self.station), key);
        let mut all = vec![node(&self.link_key), node(&self.app_key)];
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

impl Application {
    /// The applications of a station, with those of their keys that are believed.
    pub fn all_of(topology: &Topology, code: &Code) -> Vec<Self> {
        let application = |one: &yizhan_topology::Application| Self {
            name: one.name.clone(),
            keys: believed(topology, &one.keys),
            rights: one.rights.clone(),
        };
        topology.applications_of(code).iter().map(application).collect()
    }

    /// Where answers to this application's requests come back.
    pub fn inbox_prefix(&self) -> Result<String, BusError> {
        let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if self.name.is_empty() || !self.name.bytes().all(good) {
            return Err(BusError::BadApplicationName { name: self.name.clone() });
        }
        Ok(format!("_INBOX_app_{}", self.name))
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
mod tests {
    use super::*;

    fn key() -> String {
        KeyPair::new_user().public_key()
    }

    fn county() -> ServerConfig {
        ServerConfig {
            station: Code::parse("510722").unwrap(),
            listen: Listen::parse("127.0.0.1:4222").unwrap(),
            store_dir: "/var/lib/yizhan/bus".into(),
            log_file: "/var/lib/yizhan/bus/nats-server.log".into(),
            link_key: key(),
            app_key: key(),
            children: vec![Child {
                code: Code::parse("510722.101").unwrap(),
                keys: vec![key(), key()],
            }],
            applications: vec![],
            open_password: None,
            inbox_bytes_max: 1 << 30,
            tls: None,
        }
    }

    fn tree(config: &ServerConfig) -> Value {
        let text = config.render().unwrap();
        let (comment, json) = text.split_once('\n').unwrap();
        assert!(comment.starts_with('#'));
        serde_json::from_str(json).unwrap()
    }

    fn error(change: impl FnOnce(&mut ServerConfig)) -> String {
        let mut config = county();
        change(&mut config);
        config.render().unwrap_err().to_string()
    }

    #[test]
    fn the_two_accounts_meet_in_two_shared_services_and_nowhere_else() {
        let accounts = &tree(&county())["accounts"];
        assert_eq!(accounts.as_object().unwrap().len(), 2);
        let (link, app) = (&accounts["LINK"], &accounts["APP"]);
        assert!(link.get("jetstream").is_none() && link.get("imports").is_none());
        assert!(app.get("exports").is_none() && app.get("jetstream").is_some());
        for (n, subject) in ["yz.submit.>", "yz.ack.>"].into_iter().enumerate() {
            assert_eq!(link["exports"][n]["service"], subject);
            assert_eq!(app["imports"][n]["service"]["subject"], subject);
            assert_eq!(app["imports"][n]["share"], true);
        }
        assert_eq!(link["exports"].as_array().unwrap().len(), 2);
        assert_eq!(app["imports"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn each_key_of_a_child_has_the_childs_rights_and_none_without_a_key_gets_in() {
        let config = county();
        let tree = tree(&config);
        let users = tree["accounts"]["LINK"]["users"].as_array().unwrap().clone();
        assert_eq!(users.len(), 3);
        assert!(users[0].get("permissions").is_none(), "the node");
        assert_eq!(users[1]["permissions"], users[2]["permissions"]);
        assert!(tree.get("no_auth_user").is_none());
    }

    #[test]
    fn a_mistake_in_the_keys_is_named_with_whose_it_is() {
        let shared = error(|c| c.children[0].keys[1] = c.app_key.clone());
        assert!(shared.contains("station 510722 and station 510722.101"), "{shared}");
        let account = KeyPair::new_account().public_key();
        let wrong = error(|c| c.children[0].keys[0] = account.clone());
        assert!(wrong.contains("510722.101") && wrong.contains("Account"), "{wrong}");
        let torn = error(|c| c.children[0].keys[0].truncate(50));
        assert!(torn.contains("510722.101") && torn.contains("valid is U"), "{torn}");
        let seed = KeyPair::new_user().seed().unwrap();
        let pasted = error(|c| c.children[0].keys[0] = seed.clone());
        assert!(pasted.contains("secret") && !pasted.contains(&seed), "{pasted}");
    }

    #[test]
    fn only_direct_children_and_plain_names_get_a_user() {
        let deep = Code::parse("510722.101.002").unwrap();
        let error_text = error(|c| c.children[0].code = deep);
        assert!(error_text.contains("510722.101.002 is not a direct child of 510722"));
        for name in ["", "a.b", "a>", "甲"] {
            let application =
                Application { name: name.to_owned(), keys: vec![key()], rights: vec![] };
            let error_text = error(|c| c.applications = vec![application]);
            assert!(error_text.contains("cannot name an application"), "{error_text}");
        }
    }

    fn tls() -> TlsFiles {
        TlsFiles { ca: "tls/ca".into(), cert: "tls/cert".into(), key: "tls/key".into() }
    }

    #[test]
    fn who_listens_to_the_network_has_tls_and_asks_every_client_for_a_certificate() {
        let mut config = county();
        assert!(tree(&config).get("tls").is_none());
        config.listen = Listen::parse("10.72.0.1:4222").unwrap();
        let error_text = config.render().unwrap_err().to_string();
        assert!(error_text.contains("bus.listen = 10.72.0.1:4222"), "{error_text}");
        assert!(error_text.contains("tls.cert") && error_text.contains("topology render"));
        config.tls = Some(tls());
        let tree = tree(&config);
        assert_eq!(
            (&tree["tls"]["verify"], &tree["tls"]["ca_file"]),
            (&json!(true), &json!("tls/ca"))
        );
    }

    #[test]
    fn an_application_has_what_its_rights_say_and_no_more() {
        let mut config = county();
        let with = |rights: &[Right]| Application {
            name: format!("a{}", rights.len()),
            keys: vec![key()],
            rights: rights.to_vec(),
        };
        config.applications = vec![with(&[]), with(&[Right::Publisher]), with(&Right::ALL)];
        let tree = tree(&config);
        let users = &tree["accounts"]["APP"]["users"];
        let publishes = |n: usize| users[n]["permissions"]["publish"]["allow"].clone();
        assert_eq!(publishes(1), json!(["$SRV.>"]));
        assert_eq!(publishes(2), json!(["$SRV.>", "yz.submit.>"]));
        assert_eq!(users[2]["permissions"]["subscribe"]["allow"], json!(["_INBOX_app_a1.>"]));
        assert!(users[2]["permissions"].get("allow_responses").is_none());
        assert_eq!(users[3]["permissions"]["allow_responses"], true);
        assert!(!tree["accounts"].to_string().contains("\">\""), "> is for nobody");
    }

    #[test]
    fn a_user_without_credentials_exists_on_loopback_only() {
        let mut config = county();
        config.open_password = Some("unknown to all".to_owned());
        assert_eq!(tree(&config)["no_auth_user"], OPEN_USER);
        config.listen = Listen::parse("10.72.0.1:4222").unwrap();
        config.tls = Some(tls());
        let error_text = config.render().unwrap_err().to_string();
        assert!(error_text.contains("bus.listen = 10.72.0.1:4222"), "{error_text}");
    }
}
