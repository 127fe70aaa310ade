//! [`RawLink`]: a session with a parent, held by one who has a station's kit and no station.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_nats::{Client, RequestErrorKind, Subscriber};
use serde_bytes::ByteBuf;
use tokio::time::timeout;

use super::ground::Ground;
use super::raw_bus::RawBus;
use super::raw_frame::{Answer, Batch, Frame, Hello, Record, Seal, body, tag};

/// The store under which the attackers come; the same each time, for another one is refused while
/// this one lives.
const STORE: &str = "aaaaaaaaaaaaa";
/// And its epoch.
pub const EPOCH: &str = "aaaaaa";
/// A hello is answered by then.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Pause before a hello that nobody listened to is said again.
const ASK_AGAIN: Duration = Duration::from_millis(100);

static HELLOS: AtomicU32 = AtomicU32::new(1);

/// The session.
pub struct RawLink {
    /// The connection to the parent's bus.
    pub nats: Client,
    /// What the parent says.
    pub down: Subscriber,
    /// Where it goes.
    pub subject: String,
    session: ByteBuf,
}

/// Says hello in the name of a station, with its key; gives the answer.
///
/// # Errors
/// It is not let in, or not answered.
pub async fn hello(nats: &Client, code: &str, said: &Hello) -> Result<Answer, String> {
    let bytes = bytes::Bytes::from(Frame::Hello(said.clone()).bytes());
    let asked = async {
        loop {
            match nats.request(format!("yz.up.{code}"), bytes.clone()).await {
                // not listened to for a while, after an attack before this one
                Err(why) if why.kind() == RequestErrorKind::NoResponders => {
                    tokio::time::sleep(ASK_AGAIN).await;
                }
                answer => return answer,
            }
        }
    };
    let answer = timeout(ANSWER_WITHIN, asked).await.map_err(|_| "no answer to a hello")?;
    let answer = answer.map_err(|why| why.to_string())?;
    Answer::read(&answer.payload).ok_or_else(|| "an answer to a hello that is none".to_owned())
}

impl RawLink {
    /// Opens one, with the kit of `code`.
    ///
    /// # Errors
    /// It is not let in, or not welcome.
    pub async fn open(ground: &Ground, code: &str) -> Result<Self, String> {
        let (parent, _) = code.rsplit_once('.').ok_or("a root has no parent")?;
        let nats = RawBus::at(ground, parent, ground.county.holder_of(code)).await?.nats;
        let down = nats.subscribe(format!("yz.down.{code}")).await;
        let down = down.map_err(|why| why.to_string())?;
        let said = Hello::new(code, STORE, EPOCH, HELLOS.fetch_add(1, Ordering::Relaxed));
        let answer = hello(&nats, code, &said).await?;
        let welcome = answer.welcome.ok_or(format!("not welcome: {:?}", answer.refused))?;
        let session = tag(&said, &welcome);
        Ok(Self { nats, down, subject: format!("yz.up.{code}"), session })
    }

    /// A batch of this session in the routine lane.
    pub fn batch(&self, first: u64, body: Vec<u8>) -> Batch {
        Batch {
            session: self.session.clone(),
            lane: "r",
            first,
            sent_ms: 1,
            packing: None,
            body: ByteBuf::from(body),
        }
    }

    /// Sends records and seals, from this leg on.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn sends(
        &self,
        first: u64,
        records: &[Record],
        seals: &[Seal],
    ) -> Result<(), String> {
        self.says(Frame::Batch(self.batch(first, body(records, seals))).bytes()).await
    }

    /// Sends any bytes.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn says(&self, bytes: Vec<u8>) -> Result<(), String> {
        let sent = self.nats.publish(self.subject.clone(), bytes.into()).await;
        sent.map_err(|why| why.to_string())?;
        self.nats.flush().await.map_err(|why| why.to_string())
    }
}
