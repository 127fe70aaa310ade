//! [`Publisher`]: hands reports in at the village, with so many answers open at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::sync::Semaphore;

use super::chain::Chain;
use crate::real::publisher::connect;

/// Where reports are handed in.
const SUBJECT: &str = "yz.submit.incident.report";
/// A publisher that hears nothing for so long gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection to the village's bus.
pub struct Publisher {
    nats: async_nats::Client,
}

/// What came of handing in.
#[derive(Debug)]
pub struct Handed {
    /// From the first publish to the last answer.
    pub took: Duration,
    /// When each report left, in order.
    pub left: Vec<Instant>,
}

impl Publisher {
    /// Connects.
    pub async fn at_village(chain: &Chain) -> Self {
        Self { nats: connect(chain.village()).await }
    }

    /// Hands `count` reports in, at most `window` unanswered; every answer must say `accepted`.
    ///
    /// # Errors
    /// An answer that says something else, or none.
    pub async fn flood(&self, count: usize, size: usize, window: usize) -> Result<Handed, String> {
        self.hand_in(count, size, window, None).await
    }

    /// Hands `count` reports in, one after the other; gives how long each answer took.
    ///
    /// # Errors
    /// As [`Publisher::flood`].
    pub async fn one_by_one(&self, count: usize, size: usize) -> Result<Vec<Duration>, String> {
        let mut took = Vec::with_capacity(count);
        for n in 0..count {
            let began = Instant::now();
            let answer = self.nats.request(SUBJECT, body(n, size)).await;
            let answer = answer.map_err(|why| why.to_string())?;
            is_accepted(&answer.payload)?;
            took.push(began.elapsed());
        }
        Ok(took)
    }

    /// Hands `count` reports in, so many a second, whatever is answered; gives when each left.
    ///
    /// # Errors
    /// As [`Publisher::flood`].
    pub async fn steadily(
        &self,
        count: usize,
        size: usize,
        per_second: f64,
    ) -> Result<Handed, String> {
        let every = Duration::from_secs_f64(1.0 / per_second);
        self.hand_in(count, size, count, Some(every)).await
    }

    async fn hand_in(
        &self,
        count: usize,
        size: usize,
        window: usize,
        every: Option<Duration>,
    ) -> Result<Handed, String> {
        let inbox = self.nats.new_inbox();
        let answers = self.nats.subscribe(inbox.clone()).await.map_err(|why| why.to_string())?;
        let open = Arc::new(Semaphore::new(window));
        let hearing = tokio::spawn(hear(answers, count, Arc::clone(&open)));
        let mut ticks = every.map(tokio::time::interval);
        let (began, mut left) = (Instant::now(), Vec::with_capacity(count));
        for n in 0..count {
            if let Some(ticks) = &mut ticks {
                ticks.tick().await;
            }
            match tokio::time::timeout(PATIENCE, open.acquire()).await {
                Ok(Ok(permit)) => permit.forget(),
                _ => break, // `hear` says why
            }
            left.push(Instant::now());
            let sent = self.nats.publish_with_reply(SUBJECT, inbox.clone(), body(n, size));
            sent.await.map_err(|why| why.to_string())?;
        }
        hearing.await.map_err(|why| why.to_string())??;
        Ok(Handed { took: began.elapsed(), left })
    }
}

async fn hear(
    mut answers: async_nats::Subscriber,
    count: usize,
    open: Arc<Semaphore>,
) -> Result<(), String> {
    for heard in 0..count {
        let answer = tokio::time::timeout(PATIENCE, answers.next()).await;
        let Ok(Some(answer)) = answer else {
            return Err(format!("no answer for {PATIENCE:?} after {heard} of {count}"));
        };
        is_accepted(&answer.payload)?;
        open.add_permits(1);
    }
    Ok(())
}

fn is_accepted(answer: &[u8]) -> Result<(), String> {
    const WORD: &[u8] = b"\"accepted\"";
    match answer.windows(WORD.len()).any(|part| part == WORD) {
        true => Ok(()),
        false => Err(format!("not accepted: {}", String::from_utf8_lossy(answer))),
    }
}

/// A report of so many bytes. `n` tells it from others.
pub fn body(n: usize, size: usize) -> Bytes {
    let head = format!(
        "{{\"category\":\"道路交通\",\"severity\":\"general\",\
         \"occurred_at\":\"2026-11-23T08:30:00+08:00\",\"n\":{n},\"description\":\""
    );
    let mut body = head.into_bytes();
    let words = b"two cars met at the crossing of the old west street, nobody is hurt; ";
    while body.len() + 2 < size {
        let left = size - 2 - body.len();
        body.extend(words.iter().take(left));
    }
    body.extend_from_slice(b"\"}");
    Bytes::from(body)
}

/// The `n` of a report.
pub fn number_of(body: &[u8]) -> Option<usize> {
    const MARK: &[u8] = b"\"n\":";
    let at = body.windows(MARK.len()).position(|part| part == MARK)? + MARK.len();
    let digits = body.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit());
    digits
        .copied()
        .try_fold(0_usize, |n, digit| n.checked_mul(10)?.checked_add(usize::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_its_size_and_is_json_with_its_number() {
        for size in [300, 400, 4096] {
            let body = body(12_345, size);
            assert_eq!(body.len(), size);
            assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok());
            assert_eq!(number_of(&body), Some(12_345));
        }
    }
}
