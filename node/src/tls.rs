//! TLS: the county's certificates, and who uses them.
//!
//! Promise: this is the one room that knows TLS. What is in force is always a set of files that
//! was found good as a whole (certificate, key and authority fit each other); a new set that is
//! not leaves the old one in force, also through a restart of the bus.
//!
//! | module | noun |
//! |---|---|
//! | [`TlsFiles`] | the three files, read and judged |
//! | [`Tls`] | the set in force, and its renewal while the station runs |
//! | [`Acceptor`] | the server's side of a connection |
//! | [`authority`] | the county's own authority, for `yizhan topology render` |

mod acceptor;
pub mod authority;
mod error;
mod files;
mod in_force;

pub use acceptor::{Acceptor, Stream};
pub use authority::{Authority, Issued, Lasts, Wanted};
pub use error::TlsError;
pub use files::TlsFiles;
pub use in_force::Tls;
