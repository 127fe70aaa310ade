//! What Yizhan stations say to each other and to integrators.
//!
//! Promise: decoding any bytes gives a value or a typed error, never a panic, and an
//! [`envelope::Envelope`] that was made once keeps its bytes for ever: no hop re-encodes it.
//!
//! | module | noun |
//! |---|---|
//! | [`code`] | the place of a station in the tree |
//! | [`selector`] | whom a message is for |
//! | [`precedence`] | how urgent it is: four lanes |
//! | [`kind`] | what it is about: `<family>.<name>` |
//! | [`id`] | who sent it, when in that life, which one |
//! | [`envelope`] | immutable header and opaque payload |
//! | [`seal`] | the origin's signature over a batch |
//! | [`frame`] | what crosses a link |
//! | [`query`] | what neighbours ask each other beside custody |
//! | [`dictionary`] | what bodies are packed with on thin links |
//! | [`codec`] | versioned MessagePack with limits |
//! | [`outcome`] | how a message ended at a target, and what was answered |
//! | [`payload`] | bodies that stations or consoles understand |
//! | [`reply`] | what a publisher hears |
//! | [`status`] | what a station says about itself and about one message |

pub mod code;
pub mod codec;
pub mod dictionary;
pub mod envelope;
pub mod frame;
pub mod id;
pub mod kind;
pub mod outcome;
pub mod payload;
pub mod precedence;
pub mod query;
pub mod reply;
pub mod seal;
pub mod selector;
pub mod status;
mod text;

pub use code::Code;
pub use envelope::{Envelope, Header};
pub use id::{Epoch, MessageId, StoreId};
pub use kind::Kind;
pub use outcome::{Answer, Outcome};
pub use precedence::{Lane, PerLane};
pub use selector::Selector;
