//! [`Publisher`]: hands reports in at the village, with so many answers open at a time.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::sync::Semaphore;

use super::ends::Ends;
use super::protocol::{Answers, Desk, Headers};
use super::reports::Reports;

/// A publisher that hears nothing for so long gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Of so many reports one may stay without an answer and the run still counts. A nats-server makes
/// up a reply subject of six digits of 62 for each request that crosses accounts; with the widest
/// window here, 1,024 open, two bear the same once in 55 million, and the earlier is not answered.
const UNANSWERED_ONE_IN: usize = 1_000_000;

/// A connection to the village's server.
#[derive(Clone)]
pub struct Publisher {
    desk: Desk,
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
    /// Reports that were never answered: a publisher would hand them in again.
    pub unanswered: usize,
}

impl Publisher {
    /// Connects.
    pub async fn at_village(ends: &Ends, reports: &Arc<Reports>) -> Self {
        let desk = Desk::at_village(ends).await;
        Self { desk, reports: Arc::clone(reports), traced: false }
    }

    /// Gives each report a `traceparent`.
    #[must_use]
    pub fn traced(self, traced: bool) -> Self {
        Self { traced, ..self }
    }

    /// Hands reports in, at most `window` unanswered; every answer must say that one was taken.
    ///
    /// # Errors
    /// An answer that says something else, or none where one is due.
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
            self.desk.ask(self.reports.body(n), Headers::new()).await?;
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
        let mut headers = self.headers(n);
        headers.push(("Yz-Precedence", "flash".to_owned()));
        let left = Instant::now();
        self.desk.ask(self.reports.body(n), headers).await?;
        Ok(left)
    }

    async fn hand_in(
        &self,
        which: Range<usize>,
        window: usize,
        every: Option<Duration>,
    ) -> Result<Handed, String> {
        let (handing, answers) = self.desk.halves().await?;
        let open = Arc::new(Semaphore::new(window));
        let hearing = tokio::spawn(hear(answers, which.len(), Arc::clone(&open)));
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
            handing.hand_in(self.reports.body(n), self.headers(n)).await?;
        }
        let (unanswered, last) = hearing.await.map_err(|why| why.to_string())??;
        Ok(Handed { took: last - began, left, unanswered })
    }

    /// A trace context that looks like dice, as real ones do: nothing in it compresses.
    fn headers(&self, n: usize) -> Headers {
        if !self.traced {
            return Headers::new();
        }
        let mut dice = SmallRng::seed_from_u64(n as u64);
        let (trace, span) = (dice.random::<u128>(), dice.random::<u64>());
        vec![("traceparent", format!("00-{trace:032x}-{span:016x}-01"))]
    }
}

/// Hears the answers; gives how many never came, and when the last one did.
async fn hear(
    mut answers: Answers,
    count: usize,
    open: Arc<Semaphore>,
) -> Result<(usize, Instant), String> {
    let mut last = Instant::now();
    for heard in 0..count {
        let missing = count - heard;
        match tokio::time::timeout(PATIENCE, answers.next()).await {
            Ok(answer) => answer?,
            Err(_) if missing <= count / UNANSWERED_ONE_IN => return Ok((missing, last)),
            Err(_) => return Err(format!("no answer for {PATIENCE:?} after {heard} of {count}")),
        }
        last = Instant::now();
        open.add_permits(1);
    }
    Ok((0, last))
}
