//! Fresh randomness for one opening of a data directory.

use std::io;

use yizhan_core::station::Fresh;
use yizhan_schemas::{Epoch, StoreId};

use crate::clock;

/// Drawn from the system.
pub(super) fn draw() -> io::Result<Fresh> {
    let number = || getrandom::u64().map_err(|fault| io::Error::other(fault.to_string()));
    let epoch = || {
        let [low @ .., _, _, _, _] = number()?.to_be_bytes();
        io::Result::Ok(Epoch::from_random(u32::from_be_bytes(low)))
    };
    Ok(Fresh {
        store: StoreId::from_random(number()?),
        epoch: epoch()?,
        notes_epoch: epoch()?,
        boot: clock::boot_id()?,
        seed: number()?,
    })
}
