//! [`Closed`]: connections that our server ended without a line in its log: who came without TLS,
//! and who never said who they are. The server remembers those that are closed (ten thousand of
//! them), and tells its system account.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::bus::client::Client;
use crate::bus::refusal::{Reason, Refusal};
use crate::bus::subjects;

/// Most connections that are asked for at once, the last ones.
const CLOSED_MAX: usize = 512;
/// How long the server may take to tell.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// How far that was read.
#[derive(Debug)]
pub(super) struct Closed {
    client: Client,
    /// The life of the server that this is about: each counts its connections anew.
    server: String,
    last: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Answer {
    server: Server,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Server {
    id: String,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    connections: Vec<Gone>,
}

#[derive(Deserialize)]
struct Gone {
    cid: u64,
    #[serde(default)]
    ip: String,
    stop: Timestamp,
    #[serde(default)]
    reason: String,
}

impl Closed {
    /// Asks over a connection to the system account.
    pub(super) fn over(client: Client) -> Self {
        Self { client, server: String::new(), last: None }
    }

    /// What was refused since the last look; nothing if the server does not answer now.
    pub(super) async fn look(&mut self) -> Vec<Refusal> {
        let question = json!({ "state": 1, "sort": "stop", "limit": CLOSED_MAX }).to_string();
        let asked = self.client.request(subjects::CLOSED, question.into(), ANSWER_WITHIN).await;
        let Some(answer) = asked.ok().and_then(|answer| read(&answer.payload)) else {
            return Vec::new();
        };
        self.news(answer)
    }

    fn news(&mut self, answer: Answer) -> Vec<Refusal> {
        if self.server != answer.server.id {
            (self.server, self.last) = (answer.server.id, None);
        }
        let gone = answer.data.map(|data| data.connections).unwrap_or_default();
        let since = self.last;
        self.last = gone.iter().map(|gone| gone.stop).max().max(since);
        let news = gone.into_iter().filter(|gone| Some(gone.stop) > since);
        news.filter_map(Gone::refusal).collect()
    }
}

fn read(bytes: &[u8]) -> Option<Answer> {
    serde_json::from_slice(bytes).ok()
}

impl Gone {
    fn refusal(self) -> Option<Refusal> {
        let reason = match self.reason.as_str() {
            "TLS Handshake Failure" => Reason::Tls,
            "Authentication Timeout" => Reason::Auth,
            _ => return None,
        };
        let (connection, address, words) = (self.cid, self.ip, self.reason);
        Some(Refusal { reason, connection, user: None, address, subject: None, words })
    }
}
