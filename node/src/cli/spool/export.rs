//! `yizhan spool export`.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use clap::Args;
use data_encoding::BASE64;
use serde::Serialize;
use serde_json::Value;
use yizhan_schemas::payload::personal;
use yizhan_schemas::{Envelope, Header, MessageId};

use super::super::Error;
use super::super::data_dir::DataDir;
use super::super::page::Page;
use super::data_of;
use crate::clock::rfc3339;
use crate::quarantine;
use crate::spool::log::scan;

/// Print messages with their payloads, masked where these say something of a person.
#[derive(Debug, Args)]
pub(in super::super) struct Export {
    /// Only these messages [default: all that the log has]
    #[arg(value_name = "MESSAGE_ID")]
    ids: Vec<MessageId>,
    #[command(flatten)]
    place: DataDir,
    /// What neighbours brought and was not taken, with its reason
    #[arg(long)]
    quarantined: bool,
    /// With all that the payloads say, and the very bytes
    #[arg(long)]
    plain: bool,
    /// Write to this new file, readable by you only [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// One line.
#[derive(Debug, Serialize)]
struct Line<'a> {
    id: String,
    kind: &'a str,
    origin: &'a str,
    to: String,
    precedence: &'static str,
    accepted_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ce_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ce_source: Option<&'a str>,
    /// As JSON, if it is that.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Value>,
    /// Else as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
    /// The bytes that its origin's seal covers.
    #[serde(skip_serializing_if = "Option::is_none")]
    envelope_base64: Option<String>,
}

impl Export {
    pub(super) fn run(&self, page: &mut Page) -> Result<(), Error> {
        let data = data_of(&self.place)?;
        let mut out = self.out.as_ref().map(|file| create(file)).transpose()?;
        let mut print = |line: String| match &mut out {
            None => page.print(line),
            Some((file, open)) => {
                let wrong = |cause| Error::File { file: (*file).clone(), cause };
                writeln!(open, "{line}").map_err(wrong)
            }
        };
        let mut found: BTreeSet<String> = BTreeSet::new();
        let mut fault = None;
        let mut say = |id: Option<String>, line: serde_json::Result<String>| {
            let wanted = self.ids.is_empty()
                || id.as_ref().is_some_and(|id| self.ids.iter().any(|one| one.to_string() == *id));
            // one that was written anew is the same message
            if wanted && fault.is_none() && id.is_none_or(|id| found.insert(id)) {
                let line = line.map_err(|e| Error::Print(e.into()));
                fault = line.and_then(&mut print).err();
            }
            fault.is_none()
        };
        if self.quarantined {
            let read = quarantine::read(&data, &mut |aside| {
                let (id, bytes) = (aside.id.clone(), aside.bytes.clone());
                let bytes = if self.plain { bytes } else { personal::MASK.to_owned() };
                say(id, serde_json::to_string(&quarantine::Aside { bytes, ..aside }))
            });
            read.map_err(|(file, cause)| Error::File { file, cause })?;
        } else {
            scan(&data, &mut |one| {
                let Some(put) = one.record.put() else { return };
                if !put.envelope.header().kind.is_internal() {
                    let id = put.envelope.header().id().to_string();
                    say(Some(id), serde_json::to_string(&self.line(&put.envelope)));
                }
            })?;
        }
        if let Some(fault) = fault {
            return Err(fault);
        }
        let missing = self.ids.iter().find(|id| !found.contains(&id.to_string()));
        missing.map_or(Ok(()), |id| {
            let cause = io::Error::other(format!(
                "{id} is not there (any more): it may be delivered and gone, see `yizhan status`"
            ));
            Err(Error::File { file: data, cause })
        })
    }
}

impl Export {
    fn line<'e>(&self, envelope: &'e Envelope) -> Line<'e> {
        let header: &Header = envelope.header();
        let read: Option<Value> = serde_json::from_slice(envelope.payload()).ok();
        let payload = match self.plain {
            true => read,
            false => Some(personal::masked(header.kind.as_str(), &read.unwrap_or_default())),
        };
        Line {
            id: header.id().to_string(),
            kind: header.kind.as_str(),
            origin: header.origin.as_str(),
            to: header.to.to_string(),
            precedence: header.lane.word(),
            accepted_at: rfc3339(header.accepted_ms),
            ce_id: header.ce_id.as_deref(),
            ce_source: header.ce_source.as_deref(),
            payload_base64: payload.is_none().then(|| BASE64.encode(envelope.payload())),
            payload,
            envelope_base64: self.plain.then(|| BASE64.encode(envelope.bytes())),
        }
    }
}

fn create(file: &PathBuf) -> Result<(&PathBuf, File), Error> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    opened.map(|open| (file, open)).map_err(|cause| Error::File { file: file.clone(), cause })
}
