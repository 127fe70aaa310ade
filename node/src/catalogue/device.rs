//! [`Device`]: one camera or loudspeaker, as a row of a file tells it.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use yizhan_schemas::Code;
use yizhan_schemas::payload::video::DeviceId;
use yizhan_topology::problem::shown;

use crate::shelf::cell::{Fault, is_name, valid_name};

/// Longest id of a loudspeaker, characters.
pub const ID_CHARS_MAX: usize = 64;

/// What a device does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// It takes `video.dispatch`.
    Camera,
    /// It takes `broadcast.issue`.
    Loudspeaker,
}

impl DeviceKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Camera, Self::Loudspeaker];

    /// The word in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::Loudspeaker => "loudspeaker",
        }
    }
}

/// Whether a device is in use. Shown and not obeyed: whether it answers, its adapter knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is.
    #[default]
    On,
    /// It is not.
    Off,
}

impl Status {
    /// The word in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its id: 20 digits of GB/T 28181 for a camera.
    pub id: Box<str>,
    /// What people call it.
    pub name: Box<str>,
    /// What it does.
    pub kind: DeviceKind,
    /// The network that it belongs to.
    pub network: Arc<str>,
    /// The station to whose area it belongs: that one and those above it may command it.
    pub jurisdiction: Code,
    /// The station on whose bus its adapter is.
    pub hangs_under: Code,
    /// Whether it is in use.
    pub status: Status,
}

/// The cells of a row.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row<T> {
    pub(super) id: T,
    pub(super) name: T,
    pub(super) kind: T,
    pub(super) network: T,
    pub(super) jurisdiction: T,
    /// Empty: under the station of its jurisdiction.
    #[serde(default)]
    pub(super) hangs_under: T,
    /// Empty: on.
    #[serde(default)]
    pub(super) status: T,
}

/// Texts that many devices share, kept once.
#[derive(Default)]
pub(super) struct Shared {
    codes: HashMap<Box<str>, Code>,
    networks: HashMap<Box<str>, Arc<str>>,
}

impl Shared {
    /// Reads a row.
    ///
    /// # Errors
    /// The first cell that is wrong.
    pub(super) fn device<T: AsRef<str>>(&mut self, row: &Row<T>) -> Result<Device, Fault> {
        let kind = word("kind", row.kind.as_ref(), DeviceKind::ALL.map(|it| (it.word(), it)))?;
        let id = id(kind, row.id.as_ref())?;
        let name = name("name", row.name.as_ref())?.into();
        let network = self.network(row.network.as_ref())?;
        let jurisdiction = self.code("jurisdiction", row.jurisdiction.as_ref())?;
        let hangs_under = match row.hangs_under.as_ref() {
            "" => jurisdiction.clone(),
            text => self.code("hangs_under", text)?,
        };
        let status = match row.status.as_ref() {
            "" => Status::default(),
            text => word("status", text, [Status::On, Status::Off].map(|it| (it.word(), it)))?,
        };
        Ok(Device { id, name, kind, network, jurisdiction, hangs_under, status })
    }

    fn code(&mut self, column: &str, text: &str) -> Result<Code, Fault> {
        if let Some(code) = self.codes.get(text) {
            return Ok(code.clone());
        }
        let code = Code::parse(text).map_err(|bad| {
            let what = format!("`{column}` is {}: {}", shown(text), bad.why);
            (what, "valid is a station code such as 510722.101.002".to_owned())
        })?;
        self.codes.insert(text.into(), code.clone());
        Ok(code)
    }

    fn network(&mut self, text: &str) -> Result<Arc<str>, Fault> {
        if let Some(network) = self.networks.get(text) {
            return Ok(Arc::clone(network));
        }
        let network: Arc<str> = name("network", text)?.into();
        self.networks.insert(text.into(), Arc::clone(&network));
        Ok(network)
    }
}

/// Of a loudspeaker's ids no public standard says more than that there are some.
fn id(kind: DeviceKind, text: &str) -> Result<Box<str>, Fault> {
    match kind {
        DeviceKind::Camera => match DeviceId::parse(text) {
            Ok(_) => Ok(text.into()),
            Err(fault) => {
                let valid = "valid is the GB/T 28181 id of a device".to_owned();
                Err((format!("`id` of a camera {fault}"), valid))
            }
        },
        DeviceKind::Loudspeaker => loudspeaker_id(text).map(|()| text.into()),
    }
}

/// Checks the id of a loudspeaker.
///
/// # Errors
/// What is wrong, and what would be valid.
pub fn loudspeaker_id(text: &str) -> Result<(), Fault> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    match (1..=ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(plain) {
        true => Ok(()),
        false => Err((
            format!("`id` of a loudspeaker is {}", shown(text)),
            format!("valid are 1 to {ID_CHARS_MAX} letters, digits, - and _"),
        )),
    }
}

fn name<'t>(column: &str, text: &'t str) -> Result<&'t str, Fault> {
    match is_name(text) {
        true => Ok(text),
        false => Err((format!("`{column}` is {}", shown(text)), valid_name())),
    }
}

fn word<T: Copy, const N: usize>(
    column: &str,
    text: &str,
    known: [(&str, T); N],
) -> Result<T, Fault> {
    let found = known.iter().find(|(word, _)| *word == text);
    found.map(|(_, it)| *it).ok_or_else(|| {
        let valid = known.map(|(word, _)| word).join(" or ");
        (format!("`{column}` is {}", shown(text)), format!("valid is {valid}"))
    })
}
