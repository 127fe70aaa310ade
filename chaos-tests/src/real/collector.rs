//! [`Collector`]: a real OpenTelemetry collector (`rotel`, from PyPI), and the spans that it says it
//! got.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::county::free_ports;
use super::programs;
use super::until::{SOON, until};

/// Its version; it is young, and how it prints spans may change.
const PACKAGE: &str = "rotel==0.0.1a15";

/// A running collector. Dropping it ends it.
pub struct Collector {
    process: Child,
    log: PathBuf,
    http: u16,
    grpc: u16,
    _dir: TempDir,
}

/// A span as the collector got it.
#[derive(Debug, Clone, Default)]
pub struct Span {
    /// Its trace.
    pub trace: String,
    /// Its id.
    pub id: String,
    /// The span above it; empty if none.
    pub parent: String,
    /// What was done.
    pub name: String,
    /// As in `SPAN_KIND_CLIENT`.
    pub kind: String,
    /// Attributes, and those of its resource.
    pub attributes: BTreeMap<String, String>,
    /// Ids of the spans that it links to.
    pub links: Vec<String>,
}

impl Span {
    /// An attribute's value; empty if it has none.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

impl Collector {
    /// Starts one, and waits until it listens.
    pub async fn start() -> Self {
        Self::that_prints(&["--debug-log", "traces", "--debug-log-verbosity", "detailed"]).await
    }

    /// One that takes spans and says nothing of them.
    pub async fn start_silent() -> Self {
        Self::that_prints(&[]).await
    }

    async fn that_prints(what: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("yizhan-rotel-").tempdir().expect("a directory");
        let log = dir.path().join("log");
        let ports = free_ports(2);
        let [grpc, http] = ports.as_slice() else { panic!("two ports") };
        let out = fs::File::create(&log).expect("a file");
        let process = Command::new(program())
            .args(["start", "--exporter", "blackhole"])
            .args(what)
            .args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")])
            .args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")])
            .stdout(out.try_clone().expect("a file"))
            .stderr(out)
            .stdin(Stdio::null())
            .spawn()
            .expect("rotel starts");
        let (grpc, http) = (*grpc, *http);
        let collector = Self { process, log, http, grpc, _dir: dir };
        until(SOON, "the collector listens", || async {
            tokio::net::TcpStream::connect(("127.0.0.1", http)).await.ok()
        })
        .await;
        collector
    }

    /// Where it takes OTLP over HTTP.
    pub fn http(&self) -> String {
        format!("http://127.0.0.1:{}", self.http)
    }

    /// Where it takes OTLP over gRPC.
    pub fn grpc(&self) -> String {
        format!("http://127.0.0.1:{}", self.grpc)
    }

    /// All spans that it got so far.
    pub fn spans(&self) -> Vec<Span> {
        let bytes = fs::read(&self.log).unwrap_or_default();
        read(&String::from_utf8_lossy(&bytes))
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read(&self.log).unwrap_or_default();
            eprintln!("--- the collector's log:\n{}", String::from_utf8_lossy(&log));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program, fetched into the build's directory if it is not there.
fn program() -> PathBuf {
    let built = programs::yizhan();
    let target = built.parent().and_then(|dir| dir.parent()).expect("a build's directory");
    let made = Command::new(programs::repository().join("chaos-tests/venv"))
        .arg(target)
        .args(["collector", PACKAGE])
        .stderr(Stdio::inherit())
        .output()
        .expect("chaos-tests/venv runs");
    assert!(made.status.success(), "the collector cannot be fetched");
    let venv = PathBuf::from(String::from_utf8_lossy(&made.stdout).trim());
    let packages = fs::read_dir(venv.join("lib")).expect("a venv").flatten().next();
    packages.expect("a Python").path().join("site-packages/rotel/rotel-agent")
}

/// Reads what it prints: attributes of a resource, then its spans.
fn read(text: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let (mut resource, mut in_resource, mut in_link) = (BTreeMap::new(), false, false);
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with("ResourceSpans #") {
            (resource, in_resource, in_link) = (BTreeMap::new(), true, false);
            continue;
        }
        if line.starts_with("Span #") {
            (in_resource, in_link) = (false, false);
            spans.push(Span { attributes: resource.clone(), ..Span::default() });
            continue;
        }
        if line.starts_with("SpanLink #") {
            in_link = true;
            continue;
        }
        if let Some(attribute) = line.strip_prefix("-> ").filter(|_| !in_link) {
            let Some((name, value)) = attribute.split_once(": ") else { continue };
            let value = value.split_once('(').map_or(value, |(_, value)| value);
            let value = value.strip_suffix(')').unwrap_or(value).to_owned();
            match spans.last_mut().filter(|_| !in_resource) {
                Some(span) => span.attributes.insert(name.to_owned(), value),
                None => resource.insert(name.to_owned(), value),
            };
            continue;
        }
        let (Some((name, value)), Some(span)) = (line.split_once(':'), spans.last_mut()) else {
            continue;
        };
        let value = value.trim().to_owned();
        match (name.trim(), in_link) {
            ("-> ID", true) => span.links.push(value),
            ("Trace ID", false) => span.trace = value,
            ("Parent ID", false) => span.parent = value,
            ("ID", false) => span.id = value,
            ("Name", false) => span.name = value,
            ("Kind", false) => span.kind = value,
            _ => {}
        }
    }
    spans
}
