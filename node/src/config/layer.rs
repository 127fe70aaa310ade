//! [`Layer`]: what one source says: the defaults, a file, the environment, the flags.
//!
//! A layer holds known keys only; what it does not know is a problem with a place, so nothing that
//! somebody wrote is ever passed over in silence.

use std::collections::BTreeMap;
use std::path::Path;

use config::{ConfigError, Environment, File, FileFormat, Map, Source, Value, ValueKind};
use toml::de::{DeTable, DeValue};

use super::key::{self, KEYS, Key};
use super::problem::{Place, Problem};
use super::value::is_seed;

/// What environment variables start with.
const ENV_PREFIX: &str = "YIZHAN";
/// The collector's address, as every OpenTelemetry program takes it.
const ENV_OTLP: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "telemetry.otlp_endpoint");

/// Values with their places, by key.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer {
    pub(super) values: BTreeMap<&'static str, Value>,
    pub(super) places: BTreeMap<&'static str, Place>,
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let own = |(name, value): (&&str, &Value)| ((*name).to_owned(), value.clone());
        Ok(self.values.iter().map(own).collect())
    }
}

impl Layer {
    fn put(&mut self, key: &'static Key, value: Value, place: Place) {
        self.values.insert(key.name, value);
        self.places.insert(key.name, place);
    }

    /// What holds where nobody says anything.
    pub(super) fn of_defaults() -> Self {
        let mut layer = Self::default();
        for key in &KEYS {
            if let Some(text) = key.default {
                layer.put(key, Value::from(text), Place::Default);
            }
        }
        layer
    }

    /// What a file says; `None` if it cannot be read or is no TOML, which is then a problem.
    pub(super) fn of_file(path: &Path, problems: &mut Vec<Problem>) -> Option<Self> {
        let place = |line: Option<usize>| Place::File(path.to_owned(), line);
        let (sections, lines) = match parse(path) {
            Ok(parsed) => parsed,
            Err((line, text)) => {
                problems.push(Problem { place: place(line), text });
                return None;
            }
        };
        let at = |name: &str| place(lines.get(name).copied());
        let base = path.parent().unwrap_or(Path::new(""));
        let mut layer = Self::default();
        for (section, value) in sections {
            let known = key::sections().any(|known| known == section);
            let (true, ValueKind::Table(values)) = (known, value.kind) else {
                problems.push(Problem { place: at(&section), text: not_a_section(&section) });
                continue;
            };
            for (name, value) in values {
                let name = format!("{section}.{name}");
                match key::find(&name) {
                    Some(key) => layer.put(key, beside(base, key, value), at(&name)),
                    None => problems.push(Problem { place: at(&name), text: not_a_key(&name) }),
                }
            }
        }
        Some(layer)
    }

    /// What the environment says; empty variables say nothing.
    pub(super) fn of_env(
        variables: impl IntoIterator<Item = (String, String)>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let variables: Map<String, String> = variables.into_iter().collect();
        let mut layer = Self::default();
        let (otlp, key) = ENV_OTLP;
        if let (Some(url), Some(key)) = (variables.get(otlp), key::find(key))
            && !url.is_empty()
        {
            layer.put(key, Value::from(url.as_str()), Place::Env(otlp.to_owned()));
        }
        let source = Environment::with_prefix(ENV_PREFIX)
            .prefix_separator("__")
            .separator("__")
            .ignore_empty(true)
            .source(Some(variables));
        // cannot fail: the texts are Unicode already
        for (name, value) in source.collect().unwrap_or_default() {
            let variable = variable(&name);
            match key::find(&name) {
                Some(key) => layer.put(key, value, Place::Env(variable)),
                None => {
                    let near = key::nearest(&name, KEYS.iter().map(|key| key.name));
                    let hint = near.map_or_else(
                        || {
                            "valid is YIZHAN__SECTION__KEY with a key of `yizhan config show`"
                                .into()
                        },
                        |near| format!("did you mean {}?", self::variable(near)),
                    );
                    let text = format!("there is no key `{name}`; {hint}");
                    problems.push(Problem { place: Place::Env(variable), text });
                }
            }
        }
        layer
    }

    /// What the flags say: flag, key, value.
    pub(super) fn of_flags(flags: &[super::Flag]) -> Self {
        let mut layer = Self::default();
        for flag in flags {
            if let Some(key) = key::find(flag.key) {
                let place = Place::Flag(flag.flag.to_owned());
                layer.put(key, Value::from(flag.value.as_str()), place);
            }
        }
        layer
    }
}

type Parsed = (Map<String, Value>, BTreeMap<String, usize>);

/// The sections of a file and the lines of its keys, or the line and the reason why there are none.
fn parse(path: &Path) -> Result<Parsed, (Option<usize>, String)> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| (None, format!("cannot be read: {error}")))?;
    // the error's own text repeats the line, and that may hold a token
    let table = DeTable::parse(&text).map_err(|error| {
        let line = error.span().map(|span| line_of(&text, span.start));
        (line, format!("not TOML: {}", error.message()))
    })?;
    let lines = lines(&text, table.get_ref());
    let sections = File::from_str(&text, FileFormat::Toml).collect();
    Ok((sections.map_err(|error| (None, error.to_string()))?, lines))
}

/// The environment variable of a key.
pub(super) fn variable(key: &str) -> String {
    format!("{ENV_PREFIX}__{}", key.replace('.', "__").to_uppercase())
}

/// A relative path in a file counts from the file's directory, wherever the command is run.
fn beside(base: &Path, key: &Key, value: Value) -> Value {
    match &value.kind {
        ValueKind::String(text) if key.path && !text.is_empty() && !is_seed(text) => {
            Value::from(base.join(text).to_string_lossy().into_owned())
        }
        _ => value,
    }
}

fn not_a_section(name: &str) -> String {
    if key::sections().any(|known| known == name) {
        return format!("`{name}` is a section and not a value; write [{name}] and its keys below");
    }
    let hint = key::nearest(name, key::sections()).map_or_else(
        || format!("valid are {}", key::sections().collect::<Vec<_>>().join(", ")),
        |near| format!("did you mean [{near}]?"),
    );
    format!("there is no section `{name}`; {hint}")
}

fn not_a_key(name: &str) -> String {
    let section = name.split('.').next().unwrap_or_default();
    let here =
        || KEYS.iter().map(|key| key.name).filter(|name| name.split('.').next() == Some(section));
    let near =
        key::nearest(name, here()).or_else(|| key::nearest(name, KEYS.iter().map(|key| key.name)));
    let hint = near.map_or_else(
        || format!("valid are {}", here().collect::<Vec<_>>().join(", ")),
        |near| format!("did you mean `{near}`?"),
    );
    format!("there is no key `{name}`; {hint}")
}

/// The line, counted from 1, of every section and key of a TOML text.
fn lines(text: &str, table: &DeTable<'_>) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for (section, value) in table {
        found.insert(section.get_ref().to_string(), line_of(text, section.span().start));
        if let DeValue::Table(keys) = value.get_ref() {
            for key in keys.keys() {
                let name = format!("{}.{}", section.get_ref(), key.get_ref());
                found.insert(name, line_of(text, key.span().start));
            }
        }
    }
    found
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}
