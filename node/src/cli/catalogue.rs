//! `yizhan catalogue check | show | synthesize`: the devices that a station knows.
//!
//! These commands need no station; they read and write files only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde::Serialize;
use yizhan_schemas::Code;
use yizhan_topology::Topology;

use super::Error;
use super::page::{Columns, Page, plain};
use super::topology::{at, create, refused, topology};
use super::words::Lang;
use crate::catalogue::{Catalogue, Device, synthesize};
use crate::shelf::{ListError, Listed};

/// The most devices that are read where nothing else is said: what a station takes.
pub(super) const DEVICES_MAX: u64 = 200_000;

/// Check, show or make a catalogue of devices.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Count devices, or print what is wrong with the file
    Check(Check),
    /// Print one device, or those of a station
    Show(Show),
    /// Make a catalogue of cameras that do not exist, for measurements
    Synthesize(Synthesize),
}

/// What to read.
#[derive(Debug, Args)]
struct Source {
    /// The catalogue, a .csv or .toml file
    file: PathBuf,
    /// The most devices that are taken, as catalogue.max_devices of a station
    #[arg(long, value_name = "N", default_value_t = DEVICES_MAX)]
    max_devices: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What to check.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    source: Source,
    /// The topology file: all stations that the catalogue names have to be in it
    #[arg(long, value_name = "FILE")]
    topology: Option<PathBuf>,
}

/// What to show.
#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    source: Source,
    /// The device
    #[arg(required_unless_present = "station")]
    id: Option<String>,
    /// All devices that hang under this station
    #[arg(long, value_name = "CODE", conflicts_with = "id")]
    station: Option<Code>,
}

/// What to make.
#[derive(Debug, Args)]
pub(super) struct Synthesize {
    /// The topology file, over whose stations the cameras are spread
    #[arg(long, value_name = "FILE")]
    topology: PathBuf,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 49_000, value_parser = count)]
    count: usize,
    /// Write here, as CSV; an existing file is left alone
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

fn count(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|count| (1..=synthesize::COUNT_MAX).contains(count));
    number.ok_or_else(|| format!("valid is a whole number from 1 to {}", synthesize::COUNT_MAX))
}

impl Command {
    pub(super) fn run(&self, page: &mut Page) -> Result<(), Error> {
        match self {
            Self::Check(command) => command.run(page),
            Self::Show(command) => command.run(page),
            Self::Synthesize(command) => command.run(page),
        }
    }
}

/// What a catalogue holds, and what it costs.
#[derive(Debug, Serialize)]
struct Summary {
    devices: usize,
    kinds: BTreeMap<&'static str, usize>,
    networks: BTreeMap<String, usize>,
    /// Stations under which devices hang.
    stations: usize,
    memory_bytes: usize,
    import_ms: u128,
    /// Of all devices, each looked up once.
    lookup_mean_ns: u128,
    lookup_max_ns: u128,
}

impl Summary {
    fn of(catalogue: &Catalogue, import: Duration) -> Self {
        let devices = catalogue.devices();
        let (mut kinds, mut networks) = (BTreeMap::new(), BTreeMap::new());
        for device in devices {
            *kinds.entry(device.kind.word()).or_default() += 1;
            *networks.entry(device.network.to_string()).or_default() += 1;
        }
        let mut stations: Vec<_> = devices.iter().map(|device| &device.hangs_under).collect();
        stations.sort();
        stations.dedup();
        let times = devices.iter().map(|device| {
            let start = Instant::now();
            std::hint::black_box(catalogue.find(&device.id));
            start.elapsed().as_nanos()
        });
        let times: Vec<_> = times.collect();
        Self {
            devices: devices.len(),
            kinds,
            networks,
            stations: stations.len(),
            memory_bytes: catalogue.memory_bytes(),
            import_ms: import.as_millis(),
            lookup_mean_ns: times.iter().sum::<u128>() / (times.len().max(1) as u128),
            lookup_max_ns: times.into_iter().max().unwrap_or_default(),
        }
    }
}

impl Check {
    fn run(&self, page: &mut Page) -> Result<(), Error> {
        let start = Instant::now();
        let Some(catalogue) = self.source.read(page)? else { return Ok(()) };
        let summary = Summary::of(&catalogue, start.elapsed());
        if let Some(file) = &self.topology {
            self.known(&catalogue, &topology(file)?)?;
        }
        if self.source.json {
            return page.print_json(&summary);
        }
        let Summary { devices, stations, memory_bytes, import_ms, lookup_mean_ns, .. } = summary;
        let list = |counts: Vec<(String, usize)>| {
            let counts = counts.into_iter().map(|(what, count)| format!("{what} {count}"));
            counts.collect::<Vec<_>>().join(", ")
        };
        let kinds = list(summary.kinds.into_iter().map(|(it, n)| (it.to_owned(), n)).collect());
        let networks = list(summary.networks.into_iter().collect());
        page.print(match page.words.lang() {
            Lang::Zh => format!(
                "设备 {devices} 个（{kinds}），挂接 {stations} 个站点\n网络：{networks}\n内存 \
                 {memory_bytes} 字节，导入 {import_ms} 毫秒，平均查找 {lookup_mean_ns} 纳秒"
            ),
            Lang::En => format!(
                "{devices} devices ({kinds}) under {stations} stations\nnetworks: {networks}\n\
                 {memory_bytes} bytes of memory, read in {import_ms} ms, found in {lookup_mean_ns} \
                 ns on average"
            ),
        })
    }
}

impl Check {
    /// A slip in a code gives a device to nobody, and nothing else would say so.
    fn known(&self, catalogue: &Catalogue, topology: &Topology) -> Result<(), Error> {
        let named = catalogue.devices().iter().flat_map(|it| [&it.jurisdiction, &it.hangs_under]);
        let strange: BTreeSet<_> = named.filter(|code| topology.station(code).is_none()).collect();
        let Some(first) = strange.first() else { return Ok(()) };
        let (file, first, count) = (self.source.file.clone(), (*first).clone(), strange.len());
        Err(Error::StrangeStations { file, first, count })
    }
}

impl Show {
    fn run(&self, page: &mut Page) -> Result<(), Error> {
        let Some(catalogue) = self.source.read(page)? else { return Ok(()) };
        let file = || self.source.file.clone();
        let found: Vec<&Device> = match (&self.id, &self.station) {
            (Some(id), _) => {
                let device = catalogue.find(id);
                vec![device.ok_or_else(|| Error::NoSuchDevice { id: id.clone(), file: file() })?]
            }
            (None, Some(station)) => catalogue.under(station).collect(),
            (None, None) => Vec::new(),
        };
        match (self.source.json, &self.id, found.first()) {
            (true, Some(_), Some(device)) => return page.print_json(device),
            (true, ..) => return page.print_json(&found),
            _ => {}
        }
        let heads: &[&str] = match page.words.lang() {
            Lang::Zh => &["设备", "名称", "种类", "网络", "辖区", "挂接", "状态"],
            Lang::En => {
                &["device", "name", "kind", "network", "jurisdiction", "hangs under", "status"]
            }
        };
        let rows = found.iter().map(|device| {
            vec![
                plain(&device.id),
                plain(&device.name),
                plain(device.kind.word()),
                plain(&device.network),
                plain(&device.jurisdiction),
                plain(&device.hangs_under),
                plain(device.status.word()),
            ]
        });
        page.print_table(Columns { heads, numbers: &[], gives_way: 1 }, rows)
    }
}

impl Source {
    /// The catalogue; with `--json` problems are an answer.
    fn read(&self, page: &mut Page) -> Result<Option<Catalogue>, Error> {
        read(&self.file, self.max_devices, self.json, page)
    }
}

/// The list in a file; with `json` problems are an answer.
pub(super) fn read<T: Listed>(
    file: &Path,
    entries_max: u64,
    json: bool,
    page: &mut Page,
) -> Result<Option<T>, Error> {
    match T::open(file, entries_max) {
        Ok(list) => Ok(Some(list)),
        Err(ListError::Wrong(problems)) if json => refused(page, &problems).map(|()| None),
        Err(fault) => Err(said(fault)),
    }
}

/// The catalogue in a file.
pub(super) fn open(file: &Path, devices_max: u64) -> Result<Catalogue, Error> {
    Catalogue::open(file, devices_max).map_err(said)
}

fn said(fault: ListError) -> Error {
    match fault {
        ListError::Wrong(problems) => problems.into(),
        fault => fault.into(),
    }
}

impl Synthesize {
    fn run(&self, page: &mut Page) -> Result<(), Error> {
        let topology = topology(&self.topology)?;
        let out: &Path = &self.out;
        let mut text = Vec::new();
        synthesize::write(&topology, self.count, &mut text).map_err(at(out))?;
        create(out, &text)?;
        page.print(match page.words.lang() {
            Lang::Zh => format!("{}：{} 个虚构的摄像机", out.display(), self.count),
            Lang::En => format!("{}: {} cameras that do not exist", out.display(), self.count),
        })
    }
}
