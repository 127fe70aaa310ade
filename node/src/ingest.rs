//! Ingest: from what a publisher sent, over NATS or HTTP, to a [`Draft`] and back to an answer.
//!
//! Promise: the payload that goes in is, byte for byte, the payload that was published; whatever
//! is refused is refused with a code, the header or member that is wrong, and what would be valid;
//! and nothing here says `accepted` before the station did. Everything up to the [`Door`] is a
//! pure conversion: no clock, no socket, no task.
//!
//! | module | noun |
//! |---|---|
//! | [`headers`] | names and values as a carrier received them |
//! | [`media`] | what a content type says of a body |
//! | [`body`] | whether a body is well formed and fits its kind |
//! | `caller` | who may hand what in |
//! | `misfit` | the sentence for a body that does not |
//! | `dispatch` | what is wrong with a video command beyond its schema |
//! | `cap` | the CAP alert inside a broadcast |
//! | [`wait`] | what a publisher waits for |
//! | `asked` | single values: addresses, precedences, times to live, trace contexts |
//! | `attributes` | CloudEvents attributes by name |
//! | `parts` | what both carriers hand over, and the draft made of it |
//! | `event` | one CloudEvent in JSON |
//! | [`nats`] | a request on `yz.submit.<family>.<name>` |
//! | [`cloudevent`] | a `POST` of one event or many |
//! | [`said`] | an application's answer to a message |
//! | [`shares`] | what each publisher may have open, and how fast |
//! | [`door`] | the way into the station's mailbox, and the wait for more than `accepted` |
//! | [`reply`] | the answer's bytes |
//!
//! [`Draft`]: yizhan_core::draft::Draft

mod asked;
mod attributes;
pub mod body;
mod caller;
mod cap;
pub mod cloudevent;
mod dispatch;
pub mod door;
mod event;
pub mod headers;
pub mod media;
mod misfit;
pub mod nats;
mod parts;
pub mod reply;
pub mod said;
pub mod shares;
pub mod wait;

pub use body::Bodies;
pub use caller::Caller;
pub use door::{Door, Grades, KeyLook, Read, Received};
pub use headers::Headers;
pub use said::Said;
pub use shares::Shares;
pub use wait::{Goal, Wait};
