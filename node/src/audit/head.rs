//! [`Head`]: the last line of the log, noted beside it and signed with the station's key.
//!
//! A log whose end was cut off is shorter than its head says. Whoever can write the station's disk
//! can put an older head back with the older log: that shows only against a head that was kept
//! elsewhere, so the station also says it in its log and as a metric
//! (`yizhan audit verify --head`).

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use yizhan_schemas::Code;

use super::AuditError;
use super::hash::Hash;
use crate::seal::Notary;

/// Its file.
const FILE: &str = "head.json";
/// What stands before all that is signed, so that the signature is good for nothing else.
const CONTEXT: &str = "yizhan audit head 1";
/// Longest head, bytes.
const BYTES_MAX: u64 = 4096;

/// The last line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
    /// When it was noted.
    pub at: Timestamp,
    /// The station.
    pub station: Code,
    /// The public nkey that signed this; none if the station has no key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Ed25519, in Base64: over [`Head::signed`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

impl Head {
    /// A head, signed if there is a key to do it with.
    pub(super) fn new(station: Code, seq: u64, hash: Hash, notary: Option<&Notary>) -> Self {
        let at = Timestamp::now();
        let at = at.round(jiff::Unit::Second).unwrap_or(at);
        let mut head = Self { seq, hash, at, station, key: None, signature: None };
        if let Some(notary) = notary {
            head.key = Some(notary.public().to_owned());
            head.signature = Some(notary.sign(head.signed().as_bytes()));
        }
        head
    }

    /// The bytes that are signed: context, station, number, hash and time, a line each.
    pub fn signed(&self) -> String {
        let Self { seq, hash, at, station, .. } = self;
        format!("{CONTEXT}\n{station}\n{seq}\n{hash}\n{at}\n")
    }

    /// The public key that signed it, if one did; or what is wrong with the signature.
    pub fn signer(&self) -> Result<Option<&str>, &'static str> {
        match (&self.key, &self.signature) {
            (None, None) => Ok(None),
            (Some(key), Some(signature)) => {
                match crate::seal::is_signed(key, self.signed().as_bytes(), signature) {
                    true => Ok(Some(key)),
                    false => Err("its signature does not fit: it is not as the station wrote it"),
                }
            }
            _ => Err("it has a key or a signature, and not both"),
        }
    }

    /// Reads the one beside a log; none if there is none.
    pub(super) fn read(dir: &Path) -> Result<Option<Result<Self, String>>, AuditError> {
        let path = dir.join(FILE);
        let failed = AuditError::at("read", &path);
        let length = match fs::metadata(&path) {
            Ok(data) => data.len(),
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(fault) => return Err(failed(fault)),
        };
        if length > BYTES_MAX {
            return Ok(Some(Err(format!("it is longer than {BYTES_MAX} bytes"))));
        }
        let bytes = fs::read(&path).map_err(failed)?;
        Ok(Some(serde_json::from_slice(&bytes).map_err(|why| why.to_string())))
    }

    /// Puts it in the place of the one before.
    pub(super) fn write(&self, dir: &Path) -> Result<(), AuditError> {
        let (path, new) = (dir.join(FILE), dir.join("head.new"));
        let failed = AuditError::at("write", &path);
        let mut bytes = serde_json::to_vec(self).map_err(|why| failed(why.into()))?;
        bytes.push(b'\n');
        let mut file = File::create(&new).map_err(&failed)?;
        let written = file.write_all(&bytes).and_then(|()| file.sync_data());
        written.and_then(|()| fs::rename(&new, &path)).map_err(failed)
    }

    /// Where it is, for people.
    pub(super) fn file() -> &'static str {
        FILE
    }
}
