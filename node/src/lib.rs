//! The station: everything around the core that touches the world.

pub mod bus;
