//! Queries: what this station asks its neighbours, and what it tells them, beside custody.
//!
//! Promise: a question ends, with an answer or at its deadline; whoever asks too much is not
//! answered, and costs nobody else anything; and questions and answers together take no more than
//! their share of a line ([`Lines`]), so that messages, acks and heart-beats go before them.
//!
//! | module | noun |
//! |---|---|
//! | `board` | the open questions of this station, and what neighbours ask |
//! | `asker` | asks |
//! | `answerer` | answers |
//! | `lines` | the way to each neighbour, and its pace |

use metrics::{describe_counter as counter, describe_gauge as gauge};

mod answerer;
mod asker;
mod board;
mod lines;
#[cfg(test)]
mod tests;

pub use answerer::{Answerer, Source};
pub use asker::{Asker, Silence};
pub use board::{Asked, Board, Ears, Questions};
pub use lines::Lines;

/// Says what the figures of this room mean.
pub fn describe() {
    gauge!("yizhan_queries_open", "Questions to neighbours that are open, at most 256");
    counter!("yizhan_queries_asked_total", "Questions to a neighbour, by link");
    counter!("yizhan_queries_unanswered_total", "Of these, those without a whole answer in time");
    counter!("yizhan_queries_answered_total", "Answers to a neighbour, by link");
    counter!("yizhan_queries_refused_total", "Questions that a neighbour may not ask, by link");
    counter!(
        "yizhan_queries_dropped_total",
        "Questions of a neighbour beyond its rate, its room or its deadline, by link and why"
    );
    counter!("yizhan_query_bytes_total", "Bytes of questions and answers sent, by link");
}
