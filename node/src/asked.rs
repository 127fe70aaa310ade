//! [`Asked`]: for tests of what reads legs back only where it must.

use std::sync::Mutex;

use yizhan_core::fill::{LegSource, Reading};
use yizhan_core::link::Link;
use yizhan_schemas::Lane;
use yizhan_schemas::frame::Chain;

/// A log that has nothing to give back, and remembers what it was asked for: first and last leg.
#[derive(Default)]
pub(crate) struct Asked(pub(crate) Mutex<Vec<(u64, u64)>>);

impl LegSource for Asked {
    fn legs(
        &self,
        _: &Link,
        _: Lane,
        from: u64,
        through: u64,
        _: &mut dyn FnMut(Reading) -> bool,
    ) -> Result<(), String> {
        self.0.lock().unwrap().push((from, through));
        Ok(())
    }

    fn chain_at(&self, _: &Link, _: Lane, _: u64) -> Option<Chain> {
        None
    }
}
