//! HTTP: events in, pages out.
//!
//! Promise: every answer that is not a success is an `application/problem+json` with a code of the
//! contract; no request can make the process hold more than its share of memory or time; and who
//! is not on this machine needs a token, with a role that fits.
//!
//! This room knows the station only by two traits, [`Intake`] and [`Pages`], which the driver
//! implements, and a channel of [`StreamEvent`]s.
//!
//! | module | noun |
//! |---|---|
//! | [`site`] | what the room is given: intake, pages, metrics, stream, tokens |
//! | [`listen`] | who may connect, how many, how slowly |
//! | [`tokens`] | bearer tokens and their roles |
//! | `peers` | how much each address may do |
//! | `guard` | whether this caller may do this |
//! | `routes` | the table of all routes |
//! | `problem` | RFC 9457 |
//! | `events` | `POST /v1/events` |
//! | `body` | a request's body, bounded |
//! | `pages` | stations, messages, the description of all this |
//! | `health` | alive, ready, metrics |
//! | [`stream`] | server-sent events |

mod body;
mod events;
mod guard;
mod health;
pub mod listen;
mod pages;
mod peers;
mod problem;
mod routes;
pub mod site;
pub mod stream;
pub mod tokens;

pub use listen::{ServeError, serve};
pub use peers::{CONNECTIONS_PER_PEER_MAX, GUESSES_AT_ONCE_MAX};
pub use site::{Answers, Intake, Pages, Site};
pub use stream::{StreamEvent, Topic};
pub use tokens::{Holder, Role, Token, Tokens};
