//! [`Catalogue`]: the devices that a station knows: cameras and loudspeakers, under which station
//! each hangs, and who may command it.
//!
//! Promise: a catalogue that exists is whole: every device well formed, no id twice, no more than
//! the bound. A device is found by its id in far less than a millisecond however many there are.
//!
//! | module | noun |
//! |---|---|
//! | [`device`] | one device |
//! | [`mod@file`] | the CSV or TOML file, read with all its problems |
//! | [`shelf`] | the catalogue in force, read anew at SIGHUP |
//! | [`synthesize`] | a catalogue of devices that do not exist, for measurements |

pub mod device;
pub mod file;
pub mod shelf;
pub mod synthesize;

use yizhan_schemas::Code;

pub use device::{Device, DeviceKind, Status};
pub use shelf::{InForce, Shelf};

/// Devices by their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// In the order of their ids: half the memory of a hash map, and a look-up of 16 comparisons.
    devices: Vec<Device>,
}

/// What became other from one catalogue to the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Devices that were not there.
    pub added: usize,
    /// Devices that are not there any more.
    pub removed: usize,
    /// Devices that hang elsewhere or belong to another station.
    pub moved: usize,
    /// Devices that are described in another way.
    pub edited: usize,
}

impl Catalogue {
    /// Devices, in the order of their ids, each id once.
    fn of(devices: Vec<Device>) -> Self {
        Self { devices }
    }

    /// The device of that id.
    pub fn find(&self, id: &str) -> Option<&Device> {
        let at = self.devices.binary_search_by(|device| (*device.id).cmp(id)).ok()?;
        self.devices.get(at)
    }

    /// All devices, in the order of their ids.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// The devices that hang under a station.
    pub fn under<'c>(&'c self, station: &'c Code) -> impl Iterator<Item = &'c Device> {
        self.devices.iter().filter(move |device| device.hangs_under == *station)
    }

    /// The loudspeakers that hang under a station.
    pub fn loudspeakers<'c>(&'c self, station: &'c Code) -> impl Iterator<Item = &'c Device> {
        self.under(station).filter(|device| device.kind == DeviceKind::Loudspeaker)
    }

    /// What it takes in memory, bytes; names of networks and codes that many share count once for
    /// all and are left out.
    pub fn memory_bytes(&self) -> usize {
        let texts = self.devices.iter().map(|device| device.id.len() + device.name.len());
        self.devices.capacity() * size_of::<Device>() + texts.sum::<usize>()
    }

    /// What is other here than in an earlier catalogue.
    pub fn since(&self, earlier: &Self) -> Changes {
        let mut changes = Changes::default();
        let mut kept = 0;
        for device in &self.devices {
            let Some(before) = earlier.find(&device.id) else {
                changes.added += 1;
                continue;
            };
            kept += 1;
            let place = |device: &Device| (device.hangs_under.clone(), device.jurisdiction.clone());
            match (place(before) == place(device), before == device) {
                (false, _) => changes.moved += 1,
                (true, false) => changes.edited += 1,
                (true, true) => {}
            }
        }
        changes.removed = earlier.devices.len() - kept;
        changes
    }
}

#[cfg(test)]
mod tests;
