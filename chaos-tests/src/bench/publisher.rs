//! [`Publisher`]: hands reports in at the village, with so many answers open at a time.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use futures::StreamExt as _;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::sync::Semaphore;

use super::ends::{Ends, connect};
use super::reports::Reports;

/// A publisher that hears nothing for so long gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection to the village's server.
#[derive(Clone)]
pub struct Publisher {
    nats: async_nats::Client,
    ends: Ends,
    reports: Arc<Reports>,
    /// Whether each report names a trace of its own.
    traced: bool,
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
    pub async fn at_village(ends: &Ends, reports: &Arc<Reports>) -> Self {
        let nats = connect(&ends.village).await;
        Self { nats, ends: ends.clone(), reports: Arc::clone(reports), traced: false }
    }

    /// Gives each report a `traceparent`.
    #[must_use]
    pub fn traced(self, traced: bool) -> Self {
        Self { traced, ..self }
    }

    /// Hands reports in, at most `window` unanswered; every answer must say that one was taken.
    ///
    /// # Errors
    /// An answer that says something else, or none.
    pub async fn flood(&self, which: Range<usize>, window: usize) -> Result<Handed, String> {
        self.hand_in(which, window, None).await
    }

    /// Hands reports in, so many a second, whatever is answered; gives when each left.
    ///
    /// # Errors
    /// As [`Publisher::flood`].
    pub async fn steadily(&self, which: Range<usize>, per_second: f64) -> Result<Handed, String> {
        let every = Duration::from_secs_f64(1.0 / per_second);
        let window = which.len();
        self.hand_in(which, window, Some(every)).await
    }

    /// Hands reports in, one after the other; gives how long each answer took.
    ///
    /// # Errors
    /// As [`Publisher::flood`].
    pub async fn one_by_one(&self, which: Range<usize>) -> Result<Vec<Duration>, String> {
        let mut took = Vec::with_capacity(which.len());
        for n in which {
            let began = Instant::now();
            let answer = self.nats.request(self.ends.subject, self.reports.body(n)).await;
            self.is_taken(&answer.map_err(|why| why.to_string())?.payload)?;
            took.push(began.elapsed());
        }
        Ok(took)
    }

    /// Hands one report in as flash, and waits for its answer; gives when it left. Peers that know
    /// no precedence take it as any other.
    ///
    /// # Errors
    /// As [`Publisher::flood`].
    pub async fn flash(&self, n: usize) -> Result<Instant, String> {
        let mut headers = self.headers(n).unwrap_or_default();
        headers.insert("Yz-Precedence", "flash");
        let left = Instant::now();
        let body = self.reports.body(n);
        let answer = self.nats.request_with_headers(self.ends.subject, headers, body).await;
        self.is_taken(&answer.map_err(|why| why.to_string())?.payload)?;
        Ok(left)
    }

    async fn hand_in(
        &self,
        which: Range<usize>,
        window: usize,
        every: Option<Duration>,
    ) -> Result<Handed, String> {
        let inbox = self.nats.new_inbox();
        let answers = self.nats.subscribe(inbox.clone()).await.map_err(|why| why.to_string())?;
        let open = Arc::new(Semaphore::new(window));
        let hearing = self.clone().hear(answers, which.len(), Arc::clone(&open));
        let hearing = tokio::spawn(hearing);
        let mut ticks = every.map(tokio::time::interval);
        let (began, mut left) = (Instant::now(), Vec::with_capacity(which.len()));
        for n in which {
            if let Some(ticks) = &mut ticks {
                ticks.tick().await;
            }
            match tokio::time::timeout(PATIENCE, open.acquire()).await {
                Ok(Ok(permit)) => permit.forget(),
                _ => break, // `hear` says why
            }
            left.push(Instant::now());
            let (nats, subject) = (&self.nats, self.ends.subject);
            let (inbox, body) = (inbox.clone(), self.reports.body(n));
            match self.headers(n) {
                None => nats.publish_with_reply(subject, inbox, body).await,
                Some(headers) => {
                    nats.publish_with_reply_and_headers(subject, inbox, headers, body).await
                }
            }
            .map_err(|why| why.to_string())?;
        }
        hearing.await.map_err(|why| why.to_string())??;
        Ok(Handed { took: began.elapsed(), left })
    }

    async fn hear(
        self,
        mut answers: async_nats::Subscriber,
        count: usize,
        open: Arc<Semaphore>,
    ) -> Result<(), String> {
        for heard in 0..count {
            let answer = tokio::time::timeout(PATIENCE, answers.next()).await;
            let Ok(Some(answer)) = answer else {
                return Err(format!("no answer for {PATIENCE:?} after {heard} of {count}"));
            };
            self.is_taken(&answer.payload)?;
            open.add_permits(1);
        }
        Ok(())
    }

    /// A trace context that looks like dice, as real ones do: nothing in it compresses.
    fn headers(&self, n: usize) -> Option<HeaderMap> {
        self.traced.then(|| {
            let mut dice = SmallRng::seed_from_u64(n as u64);
            let (trace, span) = (dice.random::<u128>(), dice.random::<u64>());
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", format!("00-{trace:032x}-{span:016x}-01"));
            headers
        })
    }

    fn is_taken(&self, answer: &[u8]) -> Result<(), String> {
        match (self.ends.taken)(answer) {
            true => Ok(()),
            false => Err(format!("not taken: {}", String::from_utf8_lossy(answer))),
        }
    }
}
