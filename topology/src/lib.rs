//! Who is above and below whom: one file for the whole tree of stations.
//!
//! Promise: [`Topology::read`] gives a tree in which every station but the root has its parent,
//! every code, address, key and rule is well formed, and every look-up is cheap; or it gives *all*
//! the problems of the file, each with its line and with what to write instead. Nothing in here
//! reads a clock, a file or a socket.
//!
//! | module | noun |
//! |---|---|
//! | [`tree`] | the stations, and which of them a selector means |
//! | [`application`] | programs with keys of their own, and keys that are revoked |
//! | [`amendment`] | keys added and revoked since the file was written |
//! | [`rights`] | who may address whom with what |
//! | [`categories`] | what categories of other systems are called here |
//! | [`round`] | directives that repeat |
//! | [`policy`] | who handles what, who is told, how urgent it is |
//! | [`mod@file`] | the TOML file, read and re-keyed |
//! | [`import`] | the file made from a list of division codes |
//! | [`problem`] | what is wrong with a file, and where |

pub mod amendment;
pub mod application;
pub mod categories;
mod check;
pub mod file;
pub mod import;
pub mod policy;
pub mod problem;
pub mod rights;
pub mod round;
pub mod ruling;
pub mod tree;

pub use amendment::Amendment;
pub use application::{Application, Holder, Revoked, Right};
pub use check::{
    APPLICATION_BYTES_MAX, APPLICATIONS_MAX, ATTEMPTS_MAX, KEYS_MAX, MAX_AGE_MAX, NAME_CHARS_MAX,
    RULES_MAX, STATIONS_MAX, TAGS_MAX,
};
pub use policy::{Deadlines, Decision, Ladder};
pub use problem::{Problem, Problems};
pub use tree::{Station, Summary, Topology};
