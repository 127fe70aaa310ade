//! `yizhan adapter --fake`: pretends to be cameras and loudspeakers on a station's bus, for tests and
//! demonstrations.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use yizhan_schemas::payload::video::DeviceId;

use super::Error;
use super::catalogue::{self, DEVICES_MAX};
use super::devices::{Asked, Devices, Mood};
use super::page::Page;
use super::stop::Stop;
use crate::bus::{Client, Credential, Dial};
use crate::catalogue::device;
use crate::tls::TlsFiles;

/// How long the bus may take to be there.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// Devices that are named when it begins; the others are counted.
const NAMED_MAX: usize = 16;

/// Pretend to be cameras and loudspeakers: answer what a station asks devices on its bus.
#[derive(Debug, Args)]
#[command(after_help = "Devices that are not named here do not exist. Real adapters are programs \
    of their own that answer requests on yz.video.<device id> and yz.broadcast.<device id>; see \
    schemas/README.md.")]
pub(super) struct Adapter {
    /// Pretend; there is no other adapter yet
    #[arg(long, required = true)]
    fake: bool,
    /// The bus to listen on
    #[arg(long, value_name = "URL", default_value = "nats://127.0.0.1:4222")]
    bus: String,
    /// The file with this application's key, if the bus wants one
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// The certificate of the county's authority, where the bus is under TLS
    #[arg(long, value_name = "FILE", requires_all = ["cert", "key"])]
    ca: Option<PathBuf>,
    /// The certificate to show there, such as keys/apps/NAME.crt of a rendered station
    #[arg(long, value_name = "FILE", requires = "ca")]
    cert: Option<PathBuf>,
    /// The key of that certificate
    #[arg(long, value_name = "FILE", requires = "ca")]
    key: Option<PathBuf>,
    /// A camera that does what it is told; several times for several
    #[arg(long, value_name = "ID", value_parser = device)]
    device: Vec<String>,
    /// A loudspeaker that does what it is told
    #[arg(long, value_name = "ID", value_parser = loudspeaker)]
    loudspeaker: Vec<String>,
    /// A catalogue, whose devices do what they are told
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,
    /// A device that fails
    #[arg(long, value_name = "ID", value_parser = loudspeaker)]
    fail: Vec<String>,
    /// A device that is busy
    #[arg(long, value_name = "ID", value_parser = loudspeaker)]
    busy: Vec<String>,
    /// How long each takes for a command
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "0s")]
    delay: Duration,
    /// Print what was asked as JSON, one object a line
    #[arg(long)]
    json: bool,
}

impl Adapter {
    pub(super) async fn run(&self, page: &mut Page) -> Result<(), Error> {
        let mut stop = Stop::listen()?;
        let credential = match &self.credentials {
            Some(file) => Credential::load(file)?,
            None => Credential::Open,
        };
        let dial = Dial { credential, ..Dial::open(&self.bus, "yizhan adapter") };
        let files = [&self.ca, &self.cert, &self.key].map(Clone::clone);
        let tls = match files {
            [Some(ca), Some(cert), Some(key)] => Some(TlsFiles { ca, cert, key }),
            _ => None,
        };
        let client = Client::dial(dial.with_tls(tls.as_ref())).await?;
        client.ready(READY_WITHIN).await?;
        let (devices, requests) = (self.devices()?, Devices::listen(&client).await?);
        if !self.json {
            page.print(format!("{}: {}", self.bus, named(&devices.ids())))?;
        }
        let mut printed = Ok(());
        let serving = devices.serve(&client, requests, |asked| {
            printed = self.print(&asked, page);
            printed.is_ok()
        });
        tokio::select! {
            () = serving => {}
            () = stop.told() => {}
        }
        printed
    }

    fn devices(&self) -> Result<Devices, Error> {
        let mut devices = Devices::new(self.delay);
        if let Some(file) = &self.catalogue {
            for device in catalogue::open(file, DEVICES_MAX)?.devices() {
                devices = devices.with(&device.id, Mood::Willing);
            }
        }
        for (ids, mood) in [
            (&self.device, Mood::Willing),
            (&self.loudspeaker, Mood::Willing),
            (&self.fail, Mood::Failing),
            (&self.busy, Mood::Busy),
        ] {
            devices = ids.iter().fold(devices, |devices, id| devices.with(id, mood));
        }
        Ok(devices)
    }

    fn print(&self, asked: &Asked, page: &mut Page) -> Result<(), Error> {
        if self.json {
            let line = serde_json::to_string(asked).map_err(|e| Error::Print(e.into()))?;
            return page.print(line);
        }
        let Asked { at, id, device, command, answer } = asked;
        page.print(format!("{at} {device} {command} → {answer} ({id})"))
    }
}

fn device(text: &str) -> Result<String, String> {
    let good = DeviceId::parse(text).map(|device| device.to_string());
    good.map_err(|fault| format!("it {fault}"))
}

/// Some of the ids that a loudspeaker may have are those of cameras.
fn loudspeaker(text: &str) -> Result<String, String> {
    let good = device::loudspeaker_id(text).map(|()| text.to_owned());
    good.map_err(|(what, valid)| format!("{what}; {valid}"))
}

fn named(ids: &BTreeSet<&str>) -> String {
    let shown = ids.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(" ");
    match ids.len().saturating_sub(NAMED_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
