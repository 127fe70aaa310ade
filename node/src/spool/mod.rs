//! The spool: what a station has custody of, on disk.
//!
//! Promise: accepted means fdatasync'ed. What [`Log::sync`] returned `Ok` for survives kill -9
//! and a power cut, whole and in order; what it did not return for survives whole or not at all.
//! What cannot be read back is said, never skipped in silence.
//!
//! | module | noun |
//! |---|---|
//! | [`log`] | the custody log: every record, in order; the only thing that `accepted` waits for |
//! | [`keys`] | the index of publishers' keys, written behind the log and rebuilt from it |
//! | [`key_files`] | the keys of log segments that are gone, for that rebuild |
//! | [`messages`] | the index of what became of messages, likewise |
//! | `index` | the store that both of them stand on |
//! | [`error`] | what can go wrong, said so that somebody can act on it |

mod disk;
pub mod error;
mod index;
pub mod key_files;
pub mod keys;
mod lock;
pub mod log;
pub mod messages;
mod source;

pub use error::SpoolError;
pub use key_files::KeyFiles;
pub use keys::{KeyLook, KeyUse, Keys, KeysReport};
pub use log::{
    Carried, Follower, Gauge, HeldLeg, LegReader, Log, Opened, Options, Reading, Reclaimer, Report,
    Room,
};
pub use messages::{MessageLook, Messages, MessagesReport, Row};
