//! Questions over real buses.
