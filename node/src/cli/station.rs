//! [`Station`]: the HTTP interface of a station, as commands use it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use reqwest::{Certificate, Client, RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Error;
use super::error::Problem;
use crate::config::{Config, FILE_NAME, Layers, environment};
use crate::http::tokens::HASHED;

/// How long a station may take to take a connection.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long a station may take to answer.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(30);

/// How a command finds its station.
#[derive(Debug, Args)]
pub(super) struct Way {
    /// The station's HTTP interface, as in http://127.0.0.1:8080
    #[arg(long, value_name = "URL", value_parser = http_url)]
    server: Option<Url>,
    /// The station's configuration file, whose http.listen is used [default: ./yizhan.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The certificate of the county's authority, for an https URL [default: tls.ca]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The bearer token, where the station wants one [default: from the configuration file]
    #[arg(long, value_name = "TOKEN", env = "YIZHAN_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

fn http_url(text: &str) -> Result<Url, String> {
    let valid = "valid is, for example, http://127.0.0.1:8080";
    let url = Url::parse(text).map_err(|error| format!("{error}; {valid}"))?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        Ok(url)
    } else {
        Err(valid.to_owned())
    }
}

impl Way {
    /// The station that is meant.
    pub(super) fn station(&self) -> Result<Station, Error> {
        let here = Path::new(FILE_NAME);
        let found = match (&self.server, &self.config) {
            (Some(url), None) => Found { url: url.to_string(), ..Found::default() },
            // the URL of one and what else it takes to reach it
            (url, Some(file)) => of_config(file, url.as_ref())?,
            (None, None) if here.exists() => of_config(here, None)?,
            (None, None) => return Err(Error::NoStation),
        };
        // stations are on the county's own network; a proxy of the desktop does not know them
        let mut client = Client::builder().no_proxy().connect_timeout(CONNECT_MAX);
        if let Some(file) = self.ca.as_ref().or(found.ca.as_ref()) {
            let wrong = |cause| Error::File { file: file.clone(), cause };
            let pem = std::fs::read(file).map_err(wrong)?;
            let roots = Certificate::from_pem_bundle(&pem).ok().filter(|all| !all.is_empty());
            let none = || wrong(std::io::Error::other("it holds no PEM certificate"));
            for root in roots.ok_or_else(none)? {
                client = client.add_root_certificate(root);
            }
        }
        let client = client.build().map_err(|e| Error::Start(std::io::Error::other(e)))?;
        let url = found.url.trim_end_matches('/').to_owned();
        Ok(Station { client, url, token: self.token.clone().or(found.token) })
    }
}

/// What it takes to reach a station.
#[derive(Debug, Default)]
struct Found {
    url: String,
    token: Option<String>,
    ca: Option<PathBuf>,
}

/// What a configuration says; a URL that is given goes before its own.
fn of_config(file: &Path, given: Option<&Url>) -> Result<Found, Error> {
    let config = Layers::read(Some(file), environment(), &[]).config()?;
    // a hash says who may come in, and lets nobody in
    let plain = config.http.tokens.iter().filter(|one| !one.token.reveal().starts_with(HASHED));
    let token = plain.max_by_key(|token| token.role);
    let token = token.map(|token| token.token.reveal().to_owned());
    let url = given.map_or_else(|| url_of(&config), |url| Ok(url.to_string()))?;
    Ok(Found { url, token, ca: config.tls.ca })
}

fn url_of(config: &Config) -> Result<String, Error> {
    let listen = config.http.listen;
    if listen.port() == 0 {
        let file = config.http_url_file();
        return match std::fs::read_to_string(&file) {
            Ok(url) => Ok(url.trim().to_owned()),
            Err(cause) => Err(Error::NoPort { file, cause }),
        };
    }
    // one listens on all addresses, but dials one
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let scheme = if config.tls.files().is_some() { "https" } else { "http" };
    Ok(format!("{scheme}://{}", SocketAddr::new(ip, listen.port())))
}

/// A station that can be asked.
#[derive(Debug)]
pub(super) struct Station {
    client: Client,
    url: String,
    token: Option<String>,
}

impl Station {
    /// A request to `path`, which starts with a slash.
    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.signed(self.client.get(format!("{}{path}", self.url)))
    }

    /// A request to `path` with something to hand in.
    pub(super) fn post(&self, path: &str) -> RequestBuilder {
        self.signed(self.client.post(format!("{}{path}", self.url)))
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request; the answer is one of success.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let unreachable =
            |error| Error::Unreachable { url: self.url.clone(), cause: innermost(&error) };
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.text().await.map_err(unreachable)?;
        Err(Error::Refused(problem(status, &text)))
    }

    /// The JSON at `path`.
    pub(super) async fn read(&self, path: &str) -> Result<Value, Error> {
        let answer = self.send(self.get(path).timeout(ANSWER_MAX)).await?;
        self.json(answer).await
    }

    /// The JSON of an answer.
    pub(super) async fn json(&self, answer: Response) -> Result<Value, Error> {
        let url = answer.url().to_string();
        let odd = |cause: String| Error::Answer { url: url.clone(), cause };
        let bytes = answer.bytes().await.map_err(|error| odd(innermost(&error)))?;
        serde_json::from_slice(&bytes).map_err(|error| odd(error.to_string()))
    }

    /// A typed view of a JSON answer.
    pub(super) fn typed<T: DeserializeOwned>(&self, value: Value) -> Result<T, Error> {
        let odd = |error: serde_json::Error| Error::Answer {
            url: self.url.clone(),
            cause: error.to_string(),
        };
        serde_json::from_value(value).map_err(odd)
    }
}

fn problem(status: StatusCode, text: &str) -> Problem {
    let read: Option<Problem> = serde_json::from_str(text).ok();
    read.filter(|problem| problem.code.is_some() || problem.detail.is_some()).unwrap_or_else(|| {
        let start: String = text.trim().chars().take(200).collect();
        Problem {
            code: Some(format!("HTTP {}", status.as_u16())),
            title: status.canonical_reason().map(str::to_owned),
            detail: (!start.is_empty()).then_some(start),
            pointer: None,
        }
    })
}

/// The last of a chain of causes is the one that says something.
pub(super) fn innermost(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
