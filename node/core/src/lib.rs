//! What a Yizhan station decides.
//!
//! Promise: no I/O, no clock, no randomness, no hash maps: the same inputs give the same steps,
//! in a simulator and in the field.

pub mod draft;
pub mod effect;
pub mod input;
pub mod link;
pub mod record;
pub mod settings;
pub mod step;
pub mod time;
