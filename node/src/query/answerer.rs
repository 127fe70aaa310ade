//! [`Answerer`]: answers neighbours, each for itself: one that asks much waits for itself alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use yizhan_core::link::Link;
use yizhan_schemas::query::{Ask, Told};

use super::board::{Asked, Questions, dropped};
use super::{Lines, Silence};

/// Questions of one neighbour that are being answered at once.
const ANSWERING_MAX: usize = 8;

/// Knows what is asked for.
pub trait Source: Send + Sync {
    /// What is told to a neighbour that waits for so long.
    fn tell(&self, from: Link, ask: Ask, within: Duration) -> BoxFuture<'_, Told>;
}

/// Answers neighbours.
pub struct Answerer {
    lines: Lines,
    source: Arc<dyn Source>,
}

impl Answerer {
    /// Answers over these lines from that source.
    pub fn new(lines: Lines, source: Arc<dyn Source>) -> Self {
        Self { lines, source }
    }

    /// Answers until nobody can ask any more.
    pub async fn run(self, mut questions: Questions) {
        let mut seats: BTreeMap<Link, Arc<Semaphore>> = BTreeMap::new();
        let mut answering = JoinSet::new();
        while let Some(asked) = questions.recv().await {
            while answering.try_join_next().is_some() {}
            let seats = seats.entry(asked.from.clone());
            let seats = seats.or_insert_with(|| Arc::new(Semaphore::new(ANSWERING_MAX)));
            let Ok(seat) = Arc::clone(seats).try_acquire_owned() else {
                dropped(&asked.from, "busy");
                continue;
            };
            let (lines, source) = (self.lines.clone(), Arc::clone(&self.source));
            answering.spawn(async move {
                let from = asked.from.clone();
                if let Err(silence) = answer(&lines, &*source, asked).await {
                    tracing::debug!(
                        event = "question_unanswered",
                        link = from.word(),
                        %silence,
                        "a question was not answered"
                    );
                    dropped(&from, "late");
                }
                drop(seat);
            });
        }
    }
}

async fn answer(lines: &Lines, source: &dyn Source, asked: Asked) -> Result<(), Silence> {
    let Asked { from, query, at } = asked;
    let within = Duration::from_millis(query.deadline_ms).saturating_sub(at.elapsed());
    let deadline = Instant::now() + within;
    let work = async {
        let told = source.tell(from.clone(), query.ask, within).await;
        let bytes = told.encode().or_else(|fault| Told::Refused(fault.to_string()).encode());
        let bytes = bytes.map_err(|fault| Silence::Broken(fault.to_string()))?;
        lines.tell(&from, query.id, &bytes).await
    };
    let done = tokio::time::timeout_at(deadline.into(), work).await;
    done.unwrap_or(Err(Silence::Late(within)))?;
    let link = from.word().to_owned();
    metrics::counter!("yizhan_queries_answered_total", "link" => link).increment(1);
    Ok(())
}
