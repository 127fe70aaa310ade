//! [`Reader`]: reads the county's inbox as an integrator does, through a JetStream consumer.

use std::time::{Duration, Instant};

use async_nats::jetstream::{self, consumer::pull};
use futures::StreamExt as _;

use super::chain::Chain;
use super::publisher::number_of;
use crate::real::publisher::connect;
use crate::real::until::{SOON, until};

/// Nothing comes for so long: nothing more will.
const PATIENCE: Duration = Duration::from_secs(60);

/// A consumer of `YZ_INBOX`, from here on.
pub struct Reader {
    messages: pull::Stream,
}

/// What was read.
#[derive(Debug)]
pub struct Read {
    /// When report `n` came.
    pub came: Vec<Option<Instant>>,
    /// Reports that came again.
    pub duplicates: usize,
}

impl Reader {
    /// Reads what comes from now on.
    pub async fn at_county(chain: &Chain) -> Self {
        let nats = connect(chain.top()).await;
        let context = jetstream::new(nats);
        let messages = until(SOON, "a consumer of the county's inbox", || async {
            let stream = context.get_stream("YZ_INBOX").await.ok()?;
            let plain = pull::Config {
                deliver_policy: jetstream::consumer::DeliverPolicy::New,
                ack_policy: jetstream::consumer::AckPolicy::None,
                memory_storage: true,
                ..Default::default()
            };
            let consumer = stream.create_consumer(plain).await.ok()?;
            consumer.stream().max_messages_per_batch(2_000).messages().await.ok()
        })
        .await;
        Self { messages }
    }

    /// Reads until `count` reports have come, each once.
    ///
    /// # Errors
    /// Nothing comes any more, or something that is no report of ours.
    pub async fn all(mut self, count: usize) -> Result<Read, String> {
        let mut read = Read { came: vec![None; count], duplicates: 0 };
        let mut missing = count;
        while missing > 0 {
            let next = tokio::time::timeout(PATIENCE, self.messages.next()).await;
            let Ok(Some(message)) = next else {
                return Err(format!("nothing for {PATIENCE:?}, and {missing} of {count} missing"));
            };
            let message = message.map_err(|why| why.to_string())?;
            let at = number_of(&message.payload).and_then(|n| read.came.get_mut(n));
            match at.ok_or("a message that is no report of this run")? {
                came @ None => {
                    *came = Some(Instant::now());
                    missing -= 1;
                }
                Some(_) => read.duplicates += 1,
            }
        }
        Ok(read)
    }
}
