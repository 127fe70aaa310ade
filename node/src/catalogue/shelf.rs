//! The catalogue in force, read anew at SIGHUP: what a new one changes is counted and said.

use std::path::Path;

use metrics::{counter, gauge};

use super::{Catalogue, Device, DeviceKind};
use crate::shelf::{self, ListError, Listed};

const NO_SUCH_DEVICE: &str = "the catalogue of this station has no such device";

/// The catalogue's file and what was read from it.
pub type Shelf = shelf::Shelf<Catalogue>;
/// The catalogue in force.
pub type InForce = shelf::InForce<Catalogue>;

impl InForce {
    /// A device; an error says why there is none, in words.
    ///
    /// # Errors
    /// There is no catalogue, or it does not know the device.
    pub fn device(&self, id: &str) -> Result<Device, String> {
        let Some(catalogue) = self.now() else {
            return Err("this station has no catalogue of devices (catalogue.path)".to_owned());
        };
        let found = catalogue.find(id).cloned();
        found.ok_or_else(|| NO_SUCH_DEVICE.to_owned())
    }

    /// The same of a camera alone.
    ///
    /// # Errors
    /// There is no catalogue, or it knows no camera of that id.
    pub fn camera(&self, id: &str) -> Result<Device, String> {
        let device = self.device(id)?;
        let is_camera = device.kind == DeviceKind::Camera;
        is_camera.then_some(device).ok_or_else(|| NO_SUCH_DEVICE.to_owned())
    }
}

impl Listed for Catalogue {
    const NAME: &'static str = "catalogue";
    const ENTRIES: &'static str = "devices";
    const ENTRY_BYTES_MAX: u64 = 1024;
    const READS: &'static str = "yizhan_catalogue_reads_total";
    const REFUSED: &'static str = "catalogue_refused";

    fn open(file: &Path, devices_max: u64) -> Result<Self, ListError> {
        Self::read(file, devices_max)
    }

    fn say(&self, before: &Self, devices_max: u64) {
        let changes = self.since(before);
        for (what, devices) in [
            ("added", changes.added),
            ("removed", changes.removed),
            ("moved", changes.moved),
            ("edited", changes.edited),
        ] {
            counter!("yizhan_catalogue_changes_total", "what" => what).increment(devices as u64);
        }
        for kind in DeviceKind::ALL {
            let devices = self.devices().iter().filter(|device| device.kind == kind).count();
            gauge!("yizhan_catalogue_devices", "kind" => kind.word()).set(devices as f64);
        }
        let memory_bytes = self.memory_bytes();
        gauge!("yizhan_catalogue_bytes").set(memory_bytes as f64);
        gauge!("yizhan_catalogue_devices_max").set(devices_max as f64);
        tracing::info!(
            event = "catalogue_read",
            devices = self.devices().len(),
            memory_bytes,
            added = changes.added,
            removed = changes.removed,
            moved = changes.moved,
            edited = changes.edited,
            "the catalogue of devices is in force"
        );
    }

    fn say_refused(why: &str) {
        tracing::error!(event = "catalogue_refused", "{why}; the one before stays in force");
    }
}
