//! [`Shelf`]: the catalogue in force, and the file that it is read from anew.
//!
//! Promise: a file that is wrong changes nothing while the station runs; what a new one changes is
//! counted and said. Readers see one catalogue or the other, never a part.

use std::path::PathBuf;
use std::sync::Arc;

use metrics::{counter, gauge};
use tokio::sync::watch;

use super::{Catalogue, CatalogueError, Device, DeviceKind};

const NO_SUCH_DEVICE: &str = "the catalogue of this station has no such device";

/// The catalogue in force; `None` at a station without one. Cheap to clone.
#[derive(Debug, Clone)]
pub struct InForce(watch::Receiver<Option<Arc<Catalogue>>>);

impl Default for InForce {
    /// That of a station without one.
    fn default() -> Self {
        Self(watch::channel(None).1)
    }
}

impl InForce {
    /// What holds at this moment.
    pub fn now(&self) -> Option<Arc<Catalogue>> {
        self.0.borrow().clone()
    }

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

/// The file and what was read from it.
#[derive(Debug)]
pub struct Shelf {
    file: Option<PathBuf>,
    devices_max: u64,
    in_force: watch::Sender<Option<Arc<Catalogue>>>,
}

impl Shelf {
    /// Reads the file, if the station has one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open(file: Option<PathBuf>, devices_max: u64) -> Result<Self, CatalogueError> {
        let (in_force, _) = watch::channel(None);
        let shelf = Self { file, devices_max, in_force };
        shelf.renew()?;
        Ok(shelf)
    }

    /// Where readers look.
    pub fn in_force(&self) -> InForce {
        InForce(self.in_force.subscribe())
    }

    /// Reads the file again; for a thread that may wait for a disk.
    ///
    /// # Errors
    /// What is wrong with it; the catalogue before stays in force.
    pub fn renew(&self) -> Result<(), CatalogueError> {
        let Some(file) = &self.file else { return Ok(()) };
        let read = Catalogue::open(file, self.devices_max);
        let outcome = if read.is_ok() { "read" } else { "refused" };
        counter!("yizhan_catalogue_reads_total", "outcome" => outcome).increment(1);
        let catalogue = Arc::new(read?);
        let before = self.in_force.send_replace(Some(Arc::clone(&catalogue)));
        let changes = catalogue.since(&before.unwrap_or_default());
        for (what, devices) in [
            ("added", changes.added),
            ("removed", changes.removed),
            ("moved", changes.moved),
            ("edited", changes.edited),
        ] {
            counter!("yizhan_catalogue_changes_total", "what" => what).increment(devices as u64);
        }
        for kind in DeviceKind::ALL {
            let devices = catalogue.devices().iter().filter(|device| device.kind == kind).count();
            gauge!("yizhan_catalogue_devices", "kind" => kind.word()).set(devices as f64);
        }
        let memory_bytes = catalogue.memory_bytes();
        gauge!("yizhan_catalogue_bytes").set(memory_bytes as f64);
        gauge!("yizhan_catalogue_devices_max").set(self.devices_max as f64);
        tracing::info!(
            event = "catalogue_read",
            devices = catalogue.devices().len(),
            memory_bytes,
            added = changes.added,
            removed = changes.removed,
            moved = changes.moved,
            edited = changes.edited,
            "the catalogue of devices is in force"
        );
        Ok(())
    }
}
