//! A Yizhan station: the pure core with a disk, a bus and a clock around it.

pub mod mailbox;
pub mod spool;
