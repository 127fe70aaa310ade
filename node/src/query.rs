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
