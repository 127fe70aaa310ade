//! [`Config`]: every setting of a station, from four layers: defaults < `yizhan.toml` <
//! environment `YIZHAN__SECTION__KEY` < flags.
//!
//! Promise: a `Config` that exists is valid as a whole. What nobody wrote has its default; what
//! somebody wrote and we do not understand is an error with its place and with what would be
//! valid, and all such errors come at once. Nothing here touches the disk but the file itself.

mod effective;
mod key;
mod layer;
mod problem;
mod relation;
mod secret;
mod section;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use config::{Value, ValueKind};
use serde::Deserialize;

pub use effective::Effective;
pub use key::{KEYS, Key};
use layer::Layer;
pub use problem::{Place, Problem, Problems};
pub use secret::{MASK, Secret};
pub use section::{
    Audit, Bus, BusMode, Catalogue, Data, Dedup, Http, Inbox, Ingest, Link, Log, Roster, Spool,
    Station, Stats, Telemetry, Tls,
};
pub use value::{LogFormat, OtlpProtocol, Role, Share, StationKey, Token};

/// The file that is read where none is named.
pub const FILE_NAME: &str = "yizhan.toml";

/// Every setting of a station.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Config {
    /// Which station this is.
    pub station: Station,
    /// Where everything durable lives.
    pub data: Data,
    /// Its NATS server.
    pub bus: Bus,
    /// Its custody log.
    pub spool: Spool,
    /// What it remembers to have seen.
    pub dedup: Dedup,
    /// What publishers may do.
    pub ingest: Ingest,
    /// What applications read.
    pub inbox: Inbox,
    /// Its HTTP interface.
    pub http: Http,
    /// Its certificates.
    #[serde(default)]
    pub tls: Tls,
    /// The devices that it knows.
    pub catalogue: Catalogue,
    /// Its people.
    pub roster: Roster,
    /// Its links.
    pub link: Link,
    /// Its spans.
    pub telemetry: Telemetry,
    /// What is counted of incidents and cases.
    pub stats: Stats,
    /// Its audit log.
    pub audit: Audit,
    /// Its log.
    pub log: Log,
}

impl Config {
    /// Where a running station writes the URL of its HTTP interface, for commands on the same
    /// machine to find it when `http.listen` has port 0.
    pub fn http_url_file(&self) -> PathBuf {
        self.data.dir.join("http.url")
    }
}

/// A value that was given by a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The flag, as in `--data`.
    pub flag: &'static str,
    /// The key that it stands for.
    pub key: &'static str,
    /// What was given.
    pub value: String,
}

/// One line of `config show`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The key.
    pub key: &'static str,
    /// Its value, secrets masked; `None` where nobody gave one and there is no default.
    pub value: Option<String>,
    /// Where it comes from.
    pub place: Place,
}

/// The four layers, read and laid over each other.
#[derive(Debug)]
pub struct Layers {
    file: Option<PathBuf>,
    /// False if there is a file and nothing of it could be read.
    readable: bool,
    merged: BTreeMap<&'static str, Value>,
    places: BTreeMap<&'static str, Place>,
    problems: Vec<Problem>,
}

impl Layers {
    /// Reads all layers. Without a `file`, `./yizhan.toml` if there is one.
    ///
    /// `environment` is what [`environment`] gives, or made up by a test. Problems are kept until
    /// [`Layers::config`] asks.
    pub fn read(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &[Flag],
    ) -> Self {
        let here = Path::new(FILE_NAME);
        let file = file.or_else(|| here.exists().then_some(here)).map(Path::to_owned);
        let mut problems = Vec::new();
        let from_file = file.as_deref().map(|path| Layer::of_file(path, &mut problems));
        let readable = from_file.as_ref().is_none_or(Option::is_some);
        let layers = [
            Some(Layer::of_defaults()),
            from_file.flatten(),
            Some(Layer::of_env(environment, &mut problems)),
            Some(Layer::of_flags(flags)),
        ];
        let mut builder = config::Config::builder();
        let mut places = BTreeMap::new();
        for layer in layers.into_iter().flatten() {
            places.extend(layer.places.clone());
            builder = builder.add_source(layer);
        }
        let merged = builder.build().map(|built| flat(&built.cache)).unwrap_or_default();
        Self { file, readable, merged, places, problems }
    }

    /// The file that was read.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Every key with its value and where that comes from, valid or not.
    pub fn settings(&self) -> Vec<Setting> {
        let setting = |key: &'static Key| Setting {
            key: key.name,
            value: self.merged.get(key.name).map(|value| secret::shown(key.name, value)),
            place: self.place(key.name),
        };
        KEYS.iter().map(setting).collect()
    }

    /// All settings as they hold, valid or not.
    pub fn effective(&self) -> Effective {
        Effective(self.merged.clone())
    }

    fn place(&self, key: &str) -> Place {
        self.places.get(key).cloned().unwrap_or(Place::Default)
    }

    /// The configuration.
    ///
    /// # Errors
    /// Everything that is wrong with any layer or with the whole, at once.
    pub fn config(self) -> Result<Config, Problems> {
        let mut problems = self.problems.clone();
        let mut merged = self.merged.clone();
        let mut wrong = BTreeSet::new();
        for (name, value) in &self.merged {
            if !is_valid(name, value) {
                wrong.insert(*name);
                merged.remove(name);
                problems.push(self.invalid(name));
            }
        }
        for (name, stand_in) in REQUIRED {
            if merged.contains_key(name) {
                continue;
            }
            merged.insert(name, Value::from(stand_in));
            if wrong.insert(name) && self.readable {
                problems.push(self.missing(name));
            }
        }
        // what is wrong by itself is put aside, so that the rest can still be looked at
        for (name, value) in Layer::of_defaults().values {
            merged.entry(name).or_insert(value);
        }
        let config = typed(&merged);
        for broken in config.iter().flat_map(relation::broken) {
            let known = |key: &&str| !wrong.contains(key);
            if known(&broken.key) && broken.with.iter().all(known) {
                let place = self.place(broken.key);
                let or_table = || self.invalid(broken.key).text;
                problems.push(Problem { place, text: broken.text.unwrap_or_else(or_table) });
            }
        }
        match (Problems::of(problems), config) {
            (None, Ok(config)) => Ok(config),
            (Some(problems), _) => Err(problems),
            (None, Err(problem)) => Err(problem),
        }
    }

    fn invalid(&self, name: &str) -> Problem {
        let given = self.merged.get(name).map_or_else(String::new, |v| secret::shown(name, v));
        let valid = key::find(name).map_or("", |key| key.valid);
        Problem {
            place: self.place(name),
            text: format!("`{name}` is {given:?}; valid is {valid}"),
        }
    }

    fn missing(&self, name: &str) -> Problem {
        let valid = key::find(name).map_or("", |key| key.valid);
        let variable = layer::variable(name);
        let (file, hint) = match &self.file {
            Some(file) => (file.clone(), String::new()),
            None => (
                PathBuf::from(FILE_NAME),
                format!(
                    "; there is no {FILE_NAME} here: name a file by --config or set {variable}"
                ),
            ),
        };
        Problem {
            place: Place::File(file, None),
            text: format!("`{name}` is missing; valid is {valid}{hint}"),
        }
    }
}

/// The process's environment, without what is not Unicode.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Keys without a default that every station needs, with a value to try the others beside.
const REQUIRED: [(&str, &str); 2] =
    [("station.code", "510722"), ("station.topology", "topology.toml")];

/// The only keys whose values may be numbers with a point.
const FRACTIONS: [&str; 2] = ["telemetry.sample", "telemetry.link_share"];

/// True if a value is valid by itself: all defaults and this one value make a configuration.
fn is_valid(name: &'static str, value: &Value) -> bool {
    // TOML reads a code without quotes as a number, which loses the zero of 510722.110
    if matches!(value.kind, ValueKind::Float(_)) && !FRACTIONS.contains(&name) {
        return false;
    }
    if matches!(&value.kind, ValueKind::String(text) if text.trim().is_empty()) {
        return false;
    }
    let mut values = Layer::of_defaults().values;
    values.extend(REQUIRED.map(|(name, stand_in)| (name, Value::from(stand_in))));
    values.insert(name, value.clone());
    typed(&values).is_ok()
}

fn typed(values: &BTreeMap<&'static str, Value>) -> Result<Config, Problems> {
    let layer = Layer { values: values.clone(), places: BTreeMap::new() };
    let built = config::Config::builder().add_source(layer).build();
    built.and_then(config::Config::try_deserialize).map_err(|error| {
        let place = Place::File(PathBuf::from(FILE_NAME), None);
        Problems::one(Problem { place, text: error.to_string() })
    })
}

/// The values of known keys in a tree of two levels.
fn flat(tree: &Value) -> BTreeMap<&'static str, Value> {
    let part = |tree: &Value, name: &str| match &tree.kind {
        ValueKind::Table(table) => table.get(name).cloned(),
        _ => None,
    };
    let value = |key: &'static Key| {
        let (section, name) = key.name.split_once('.')?;
        Some((key.name, part(&part(tree, section)?, name)?))
    };
    KEYS.iter().filter_map(value).collect()
}
