//! Whether the origin of a command may have that device do anything: the rule of the topology, with
//! what the catalogue in force says of the device.

use yizhan_core::input::Attempted;
use yizhan_schemas::{Code, Header};
use yizhan_topology::rights::{self, Denial, Known};

use super::command::Command;
use super::{Adapters, Deed};
use crate::catalogue::DeviceKind;

impl Adapters {
    /// The code that a message's origin goes by now.
    pub(super) fn origin<'o>(&'o self, header: &'o Header) -> &'o Code {
        self.topology.current(&header.origin).unwrap_or(&header.origin)
    }

    /// How the command ends, if it is refused.
    pub(super) fn denied(&self, header: &Header, command: &Command) -> Option<Attempted> {
        let catalogue = self.catalogue.now();
        let known = match &catalogue {
            None => Known::Nothing,
            Some(catalogue) => {
                let device = catalogue.find(&command.device.to_string());
                match device.filter(|device| device.kind == DeviceKind::Camera) {
                    None => Known::NoSuchDevice,
                    Some(device) => Known::Device {
                        hangs_under: &device.hangs_under,
                        jurisdiction: &device.jurisdiction,
                    },
                }
            }
        };
        let origin = self.origin(header);
        let denial = rights::commands(origin, &self.here, known).err()?;
        let why = denial.to_string();
        match denial {
            Denial::NoSuchDevice { .. } | Denial::Elsewhere { .. } => {
                Some(Attempted::NoSuchDevice(why))
            }
            Denial::Jurisdiction { .. } | Denial::NotAbove { .. } => {
                let deed = Deed::refused("command_forbidden", origin.as_str(), "jurisdiction");
                self.audit.note(deed.to(&header.id().to_string()).detail(&why));
                Some(Attempted::Forbidden(why))
            }
        }
    }
}
