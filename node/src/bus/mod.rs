//! The bus: the NATS server of one station, and the connections to it.
//!
//! Promise: this is the one room that knows NATS; nothing outside imports `async_nats`. It carries,
//! it never decides: whatever it is given may arrive twice, late or not at all, and only custody
//! (in `yizhan-core`) makes that harmless.
//!
//! | module | noun |
//! |---|---|
//! | [`subjects`] | every subject, in one place |
//! | [`Listen`] | where a bus can be reached |
//! | [`ServerBinary`] | a nats-server that is new enough |
//! | [`ServerConfig`] | its configuration: two accounts, who may say what |
//! | [`Managed`] | a server of our own, kept running |
//! | [`Tail`] | that server's log, as it grows |
//! | [`OwnBus`] | the station's bus, whoever runs it |
//! | [`BusRefusal`] | what the server refused somebody |
//! | [`Credential`] | who we are to a bus |
//! | [`Client`] | one connection |
//! | [`Inbox`] | the stream of delivered messages |
//! | [`InboxReader`] | the same, as an application reads it |
//! | [`StreamFiles`] | that stream's files, to be synced |
//! | [`Announcement`] | the station among the services |

mod announcement;
mod client;
mod error;
mod inbox;
mod inbox_reader;
mod keys;
mod listen;
mod managed;
mod own;
mod permissions;
mod refusal;
mod render;
mod server;
mod stream_files;
pub mod subjects;
#[cfg(test)]
mod tests;

pub use announcement::Announcement;
pub use client::{
    Client, Dial, Headers, LastPublisher, LinkState, Message, Publisher, Subscription,
};
pub use error::BusError;
pub use inbox::{Inbox, InboxAck, InboxError, InboxInfo, InboxLimits};
pub use inbox_reader::{Delivered, InboxReader};
pub(crate) use keys::write_private;
pub use keys::{Credential, StationKeys};
pub use listen::{BadListen, Listen};
pub use managed::{Managed, ManagedPlan, Patience, Tail};
pub use own::OwnBus;
pub use refusal::{Reason, Refusal as BusRefusal};
pub use render::{
    Application, Child, MAX_PAYLOAD_BYTES, OPEN_USER, SYNC_INTERVAL_SECONDS, ServerConfig,
};
pub use server::{Search, ServerBinary, VERSION_MIN, Version};
pub use stream_files::StreamFiles;
