//! `yizhan publish KIND`: hands one message to a station, as a CloudEvent in binary mode.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use data_encoding::HEXLOWER;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use reqwest::RequestBuilder;
use serde_json::json;
use yizhan_schemas::reply::Accepted;
use yizhan_schemas::{Code, Kind, Lane, Selector};

use super::Error;
use super::page::Page;
use super::station::{ANSWER_MAX, Station, Way};

/// What the CloudEvents HTTP binding wants encoded in a header value, beside what is not ASCII.
const IN_HEADER: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');
/// How long a station waits for a grade where nothing else is said.
const PATIENCE: Duration = Duration::from_secs(10);

/// Hand a message to a station.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("body").required(true).args(["file", "data"])))]
pub(super) struct Publish {
    /// What it is about, as in incident.report
    #[arg(value_name = "KIND")]
    kind: Kind,
    /// Whom it is for: up, up:CODE, CODE, CODE.*, CODE.>, tier:NAME@CODE, tag:NAME@CODE,
    /// role:POST@CODE, worker:ID@CODE, several with commas [default: up for incidents and cases]
    #[arg(long, value_name = "SELECTOR")]
    to: Option<Selector>,
    /// How urgent it is: flash, immediate, priority or routine
    #[arg(long, value_name = "WORD")]
    precedence: Option<Lane>,
    /// How long it is worth delivering, as in 30s or 5m
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    ttl: Option<Duration>,
    /// Your own id; the same id and source a second time is recognised [default: drawn]
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Who you are, a URI reference; the scope of --id
    #[arg(long, value_name = "URI", default_value = "yz:cli")]
    source: String,
    /// The payload (JSON), from a file; - is standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The payload (JSON)
    #[arg(long, value_name = "JSON")]
    data: Option<String>,
    /// Wait until it is accepted, relayed:CODE or delivered, at most so long, as in delivered;10s
    #[arg(long, value_name = "GRADE", value_parser = Wait::parse, default_value = "accepted")]
    wait: Wait,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    way: Way,
}

/// What to wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wait {
    /// `accepted`, `relayed:<code>` or `delivered`.
    grade: String,
    /// How long at most.
    patience: Duration,
}

impl Wait {
    fn parse(text: &str) -> Result<Self, String> {
        let valid = "valid are accepted, relayed:CODE and delivered, each with or without ;TIME, \
                     as in delivered;10s";
        let (grade, patience) = match text.split_once(';') {
            None => (text, Ok(PATIENCE)),
            Some((grade, time)) => (grade, humantime::parse_duration(time)),
        };
        let patience = patience.map_err(|error| format!("{error}; {valid}"))?;
        match grade.strip_prefix("relayed:") {
            Some(code) => drop(Code::parse(code).map_err(|fault| fault.to_string())?),
            None if matches!(grade, "accepted" | "delivered") => {}
            None => return Err(valid.to_owned()),
        }
        Ok(Self { grade: grade.to_owned(), patience })
    }

    fn header(&self) -> String {
        format!("{};{}", self.grade, written(self.patience))
    }
}

impl Publish {
    pub(super) async fn run(&self, page: &mut Page) -> Result<(), Error> {
        let station = self.way.station()?;
        let request = self.request(&station, self.payload()?)?;
        let answer = match station.send(request).await {
            Ok(answer) => station.json(answer).await?,
            Err(Error::Refused(problem)) if self.json => {
                page.print_json(&json!({"error": {
                    "code": problem.code,
                    "message": problem.detail.as_ref().or(problem.title.as_ref()),
                    "pointer": problem.pointer,
                }}))?;
                return Err(Error::Refused(problem));
            }
            Err(error) => return Err(error),
        };
        if self.json {
            page.print_json(&answer)?;
        }
        let accepted: Accepted = station.typed(answer)?;
        let status = serde_json::to_value(accepted.status).unwrap_or_default();
        let status = status.as_str().unwrap_or_default();
        if !self.json {
            let duplicate = match accepted.duplicate {
                true => format!(" ({})", page.words.duplicate),
                false => String::new(),
            };
            page.print(format!("{} {}{duplicate}", accepted.id, page.words.of(status)))?;
        }
        if accepted.timed_out {
            let (id, wanted) = (accepted.id.to_string(), self.wait.grade.clone());
            return Err(Error::NotYet { id, status: status.to_owned(), wanted });
        }
        Ok(())
    }

    fn payload(&self) -> Result<Vec<u8>, Error> {
        let Some(file) = &self.file else {
            return Ok(self.data.clone().unwrap_or_default().into_bytes());
        };
        let mut stdin = Vec::new();
        let read = match file == Path::new("-") {
            true => std::io::stdin().read_to_end(&mut stdin).map(|_| stdin),
            false => std::fs::read(file),
        };
        read.map_err(|cause| Error::File { file: file.clone(), cause })
    }

    fn request(&self, station: &Station, payload: Vec<u8>) -> Result<RequestBuilder, Error> {
        let id = match &self.id {
            Some(id) => id.clone(),
            None => drawn_id()?,
        };
        let text = |value: &dyn ToString| Some(value.to_string());
        let headers = [
            ("ce-specversion", text(&"1.0")),
            ("ce-id", Some(id)),
            ("ce-source", text(&self.source)),
            ("ce-type", text(&self.kind)),
            ("ce-time", text(&jiff::Timestamp::now())),
            ("ce-yzto", self.to.as_ref().map(ToString::to_string)),
            ("ce-yzprecedence", self.precedence.as_ref().map(ToString::to_string)),
            ("ce-yzttl", self.ttl.map(written)),
        ];
        let mut request = station
            .post("/v1/events")
            .header("content-type", "application/json")
            .header("yz-wait", self.wait.header())
            .timeout(self.wait.patience + ANSWER_MAX)
            .body(payload);
        for (name, value) in headers {
            if let Some(value) = value {
                request = request.header(name, utf8_percent_encode(&value, IN_HEADER).to_string());
            }
        }
        Ok(request)
    }
}

/// A time in one unit, as headers have it.
fn written(time: Duration) -> String {
    match time.subsec_millis() {
        0 => format!("{}s", time.as_secs()),
        _ => format!("{}ms", time.as_millis()),
    }
}

/// An id that no other call draws.
fn drawn_id() -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|e| Error::Start(std::io::Error::other(e.to_string())))?;
    Ok(HEXLOWER.encode(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades_are_read_with_and_without_a_time() {
        let header = |text| Wait::parse(text).map(|wait| wait.header());
        assert_eq!(header("accepted").unwrap(), "accepted;10s");
        assert_eq!(header("delivered;1m").unwrap(), "delivered;60s");
        assert_eq!(header("relayed:510722.101;2500ms").unwrap(), "relayed:510722.101;2500ms");
        for text in ["", "sent", "delivered;", "delivered;soon", "relayed:", "relayed:up"] {
            assert!(header(text).unwrap_err().contains("valid"), "{text}");
        }
    }
}
