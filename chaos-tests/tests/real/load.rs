//! [`Load`]: publishers that do not give up: each hands in one event after the other, and the same
//! one again, with its key, until it hears `accepted`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::Value;
use tokio::task::JoinHandle;

use chaos_tests::real::place::Place;
use chaos_tests::real::publisher::{Event, accepted, connect, request, try_post};
use chaos_tests::real::until::{SOON, until};

/// Publishers of one station: the last of them speaks HTTP.
const PUBLISHERS: usize = 4;
const LANES: [&str; 4] = ["routine", "priority", "immediate", "flash"];

/// Publishers at work until they are told to stop.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    taken: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<Vec<String>>>,
}

impl Load {
    /// Publishers at some stations, all with events of the same making, in all four lanes.
    pub(crate) fn start(places: &[Place], event: fn(usize) -> Event) -> Self {
        let (stop, taken) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let tasks = places.iter().flat_map(|place| (0..PUBLISHERS).map(move |at| (place, at)));
        let tasks = tasks.map(|(place, at)| {
            let publisher = Publisher { place: place.clone(), at, event };
            tokio::spawn(publisher.run(stop.clone(), taken.clone()))
        });
        let tasks = tasks.collect();
        Self { stop, taken, tasks }
    }

    /// How many were accepted so far.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Waits until so many more were accepted.
    pub(crate) async fn goes_on(&self, more: usize) {
        let goal = self.taken() + more;
        let what = format!("{more} more messages are accepted");
        until(SOON, what, || async { (self.taken() >= goal).then_some(()) }).await;
    }

    /// Stops, and gives the id of each event accepted.
    pub(crate) async fn stop(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        let mut ids = Vec::new();
        for task in self.tasks {
            ids.extend(task.await.expect("no publisher failed"));
        }
        ids
    }
}

struct Publisher {
    place: Place,
    at: usize,
    event: fn(usize) -> Event,
}

impl Publisher {
    async fn run(self, stop: Arc<AtomicBool>, taken: Arc<AtomicUsize>) -> Vec<String> {
        let nats = connect(&self.place).await;
        let mut ids = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let n = ids.len();
            let event = (self.event)(n).with("Yz-Precedence", LANES[(n + self.at) % LANES.len()]);
            let key = format!("{}-{}-{n}", self.place.code, self.at);
            let what = format!("{key} is accepted at {}", self.place.code);
            let answer = until(SOON, what, || self.hand_in(&nats, &event, &key)).await;
            ids.push(accepted(&answer));
            taken.fetch_add(1, Ordering::Relaxed);
        }
        ids
    }

    /// The answer, unless there is none or it says to come again.
    async fn hand_in(&self, nats: &async_nats::Client, event: &Event, key: &str) -> Option<Value> {
        let answer = match self.at + 1 {
            PUBLISHERS => try_post(&self.place, event, key).await?.1,
            _ => request(nats, &event.clone().keyed(key)).await?,
        };
        let code = answer["error"]["code"].as_str().or(answer["code"].as_str());
        (!matches!(code, Some("shutting_down" | "rate_limited"))).then_some(answer)
    }
}
