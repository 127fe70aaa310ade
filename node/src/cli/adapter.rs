//! `yizhan adapter --fake`: pretends to be cameras on a station's bus, for tests and demonstrations.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use yizhan_schemas::payload::video::DeviceId;

use super::Error;
use super::cameras::{Asked, Cameras, Mood};
use super::page::Page;
use super::stop::Stop;
use crate::bus::{Client, Credential, Dial};
use crate::tls::TlsFiles;

/// How long the bus may take to be there.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// Pretend to be cameras: answer video commands on a station's bus.
#[derive(Debug, Args)]
#[command(after_help = "Devices that are not named here do not exist. Real adapters are programs \
    of their own that answer requests on yz.video.<device id>; see schemas/README.md.")]
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
    /// A device that does what it is told; several times for several
    #[arg(long, value_name = "ID", value_parser = device)]
    device: Vec<String>,
    /// A device that fails
    #[arg(long, value_name = "ID", value_parser = device)]
    fail: Vec<String>,
    /// A device that is busy
    #[arg(long, value_name = "ID", value_parser = device)]
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
        let (cameras, requests) = (self.cameras(), Cameras::listen(&client).await?);
        if !self.json {
            let ids: Vec<&str> = cameras.ids().into_iter().collect();
            page.print(format!("{}: {}", self.bus, ids.join(" ")))?;
        }
        let mut printed = Ok(());
        let serving = cameras.serve(&client, requests, |asked| {
            printed = self.print(&asked, page);
            printed.is_ok()
        });
        tokio::select! {
            () = serving => {}
            () = stop.told() => {}
        }
        printed
    }

    fn cameras(&self) -> Cameras {
        let moods =
            [(&self.device, Mood::Willing), (&self.fail, Mood::Failing), (&self.busy, Mood::Busy)];
        let all = moods.into_iter().flat_map(|(ids, mood)| ids.iter().map(move |id| (id, mood)));
        all.fold(Cameras::new(self.delay), |cameras, (id, mood)| cameras.with(id, mood))
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
