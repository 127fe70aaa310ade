//! A client that says exactly what it is told, to try what well-behaved ones do not.

use nkeys::KeyPair;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::{Credential, soon};

pub(super) struct Wire(BufReader<TcpStream>);

impl Wire {
    /// Connects with a key, or without any; `Err` holds what the server said instead of letting
    /// it in.
    pub(super) async fn connect(url: &str, key: Option<&Credential>) -> Result<Self, String> {
        let address = url.strip_prefix("nats://").unwrap();
        let mut wire = Self(BufReader::new(TcpStream::connect(address).await.unwrap()));
        let info = wire.line().await;
        let info: serde_json::Value =
            serde_json::from_str(info.strip_prefix("INFO ").unwrap()).unwrap();
        let mut options = serde_json::json!({ "verbose": false, "pedantic": false, "headers": true,
            "no_responders": true, "protocol": 1 });
        if let Some(Credential::Seed { seed, public }) = key {
            let nonce = info["nonce"].as_str().unwrap();
            let signature = KeyPair::from_seed(seed).unwrap().sign(nonce.as_bytes()).unwrap();
            options["nkey"] = public.as_str().into();
            options["sig"] = data_encoding::BASE64URL_NOPAD.encode(&signature).into();
        }
        let refused = wire.tell(format!("CONNECT {options}\r\n").as_bytes()).await;
        if refused.is_empty() { Ok(wire) } else { Err(refused.join(" ")) }
    }

    /// The first line that a server says to anybody.
    pub(super) async fn info(url: &str) -> String {
        let address = url.strip_prefix("nats://").unwrap();
        Self(BufReader::new(TcpStream::connect(address).await.unwrap())).line().await
    }

    /// Sends bytes and collects the server's errors until it has dealt with them.
    pub(super) async fn tell(&mut self, bytes: &[u8]) -> Vec<String> {
        // at once: a server that closes with something unread resets, and its words are lost
        self.0.write_all(&[bytes, b"PING\r\n"].concat()).await.unwrap();
        let mut errors = vec![];
        loop {
            let line = self.line().await;
            match line.trim_end() {
                "PONG" | "" => return errors,
                "PING" => self.0.write_all(b"PONG\r\n").await.unwrap(),
                other if other.starts_with("-ERR") => errors.push(other.to_owned()),
                other if other.starts_with("MSG ") || other.starts_with("HMSG ") => {
                    let bytes = other.rsplit(' ').next().unwrap().parse::<usize>().unwrap();
                    let mut body = vec![0; bytes + 2];
                    soon(self.0.read_exact(&mut body)).await.unwrap();
                }
                _ => {}
            }
        }
    }

    pub(super) async fn may_publish(&mut self, subject: &str) -> bool {
        self.tell(format!("PUB {subject} 0\r\n\r\n").as_bytes()).await.is_empty()
    }

    pub(super) async fn may_subscribe(&mut self, subject: &str) -> bool {
        self.tell(format!("SUB {subject} 7\r\nUNSUB 7\r\n").as_bytes()).await.is_empty()
    }

    /// A request whose header block is whatever it is.
    pub(super) async fn request(&mut self, subject: &str, header: &[u8], body: &[u8]) {
        let sizes = (header.len(), header.len() + body.len());
        let mut bytes = format!("HPUB {subject} _INBOX.x {} {}\r\n", sizes.0, sizes.1).into_bytes();
        bytes.extend_from_slice(header);
        bytes.extend_from_slice(body);
        bytes.extend_from_slice(b"\r\n");
        assert_eq!(self.tell(&bytes).await, Vec::<String>::new());
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        soon(self.0.read_line(&mut line)).await.unwrap();
        line
    }
}
