//! A catalogue of devices that do not exist: as many cameras as a county has, spread over its
//! stations and six networks. For measurements and demonstrations; it says so in its first line and
//! in every name.
//!
//! Promise: the same tree and count give the same bytes.

use std::io::{self, Write};

use yizhan_schemas::Code;
use yizhan_topology::Topology;

use super::device::DeviceKind;

/// Networks that the cameras are spread over.
pub const NETWORKS: usize = 6;
/// Of these networks the first so many are the county's own: their cameras hang at the root. Those
/// of the others hang under the station of their jurisdiction.
const NETWORKS_AT_ROOT: usize = 4;
/// Type of a network camera (GB/T 28181).
const TYPE: u32 = 132;
/// The most cameras that are made: as many as a catalogue can be set to hold, and fewer than there
/// are serial numbers.
pub const COUNT_MAX: usize = 1_000_000;

/// Writes the file.
///
/// # Errors
/// It cannot be written.
pub fn write(topology: &Topology, count: usize, out: impl Write) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    writeln!(out, "# Synthetic: made by `yizhan catalogue synthesize`; none of these exists.")?;
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(["id", "name", "kind", "network", "jurisdiction", "hangs_under"])?;
    let leaves = topology.stations().filter(|it| topology.children(&it.code).is_empty());
    let leaves: Vec<_> = leaves.collect();
    let centre = centre(topology.root());
    let mut serials = [0_u32; NETWORKS];
    for (n, village) in (0..count.min(COUNT_MAX)).zip(leaves.iter().cycle()) {
        // another village with each camera, another network with each round of villages
        let network = (n / leaves.len().max(1)) % NETWORKS;
        let Some(serial) = serials.get_mut(network) else { continue };
        *serial += 1;
        let hangs = if network < NETWORKS_AT_ROOT { topology.root() } else { &village.code };
        rows.write_record([
            &format!("{centre}00{TYPE}{network}{serial:06}"),
            &format!("synthetic {n} {}", village.name),
            DeviceKind::Camera.word(),
            &format!("network-{}", network + 1),
            village.code.as_str(),
            hangs.as_str(),
        ])?;
    }
    rows.flush()
}

/// Eight digits for a root: the digits of its code, filled up with zeros.
fn centre(root: &Code) -> String {
    let digits = root.as_str().chars().filter(char::is_ascii_digit).take(6);
    format!("{:0<8}", digits.collect::<String>())
}
