//! Attacks on a real county, each by one who holds what he may well hold: a stolen village box, a
//! township's own box, an application's key, or nothing but a way to the port.
//!
//! Promise: an attack counts as withstood only if three things were seen: it was refused, the
//! refusal was counted and written down where the operator looks, and reports that a village
//! published before, during and after it came to the county, each once.
//!
//! | module | noun |
//! |---|---|
//! | [`ground`] | the county that is attacked, and who is in it |
//! | [`bystander`] | a village that goes on reporting meanwhile |
//! | [`attack`] | what is tried, and what must be seen of it |
//! | [`proof`] | metrics and audit lines before and after |
//! | [`report`] | the table, the JSON |
//! | [`list`] | all attacks, and playing them |
//! | [`raw_bus`] | a NATS connection that hears what the server complains of |
//! | [`raw_frame`] [`raw_link`] | frames made by hand, and a session to send them in |
//! | [`identities`] | everybody who may log in, for a client in another language |
//! | [`permissions`] | saying and hearing what one may not |
//! | [`doors`] | standing at a door without the key to it |
//! | [`web`] [`wire`] | HTTP: guessing, idling, smuggling; the last in NATS headers too |
//! | [`township`] | a township that lies about its village and its county |
//! | [`false_town`] | the same from above: what its village hears and believes |
//! | [`questions`] | asking for what is none of one's business |
//! | [`floods`] | more than there is room for |
//! | [`secrets`] | what may show up nowhere |
//! | [`frames`] | frames that are none, or that say more than they hold |
//!
//! The attackers' frames are made by hand, of what `schemas/README.md` says: code of ours that
//! makes them would not make wrong ones.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "an attack whose own preparations fail is none, and says so by panicking"
)]

pub mod attack;
pub mod bystander;
pub mod doors;
pub mod false_town;
pub mod floods;
pub mod frames;
pub mod ground;
pub mod identities;
pub mod list;
pub mod permissions;
pub mod proof;
pub mod questions;
pub mod raw_bus;
pub mod raw_frame;
pub mod raw_link;
pub mod report;
pub mod secrets;
pub mod township;
pub mod web;
pub mod wire;
