//! [`Packer`] and [`Unpacker`]: bodies by zstd, on links where bytes cost more than work.
//!
//! Promise: what is packed reads back as the same bytes; a body that packing does not make shorter
//! goes as it is; unpacking never makes more bytes than a body may have, whatever a frame says of
//! itself. Prepared dictionaries are made once for all links, when one first needs them.

use std::sync::OnceLock;

use bytes::Bytes;
use yizhan_core::effect::{Effort, Packing};
use yizhan_schemas::dictionary;
use yizhan_schemas::frame::{self, BODY_BYTES_MAX, Batch};
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::EncoderDictionary;
use zstd::zstd_safe::CParameter;

/// Shorter bodies are not worth trying, bytes.
const WORTH_BYTES: usize = 64;
/// What is guessed of how short bodies become before one was packed, in 256ths.
const SHARE_FIRST: u64 = 36;
/// A frame on the wire beside its body, with its subject, bytes.
const HEADING_BYTES: u64 = 130;

/// The level of zstd. Measured with reports in frames of 20: 6 packs to 0.21 at 130 MB/s, 12 to
/// 0.20 at 60 MB/s, 19 to 0.19 at 4 MB/s.
fn level(effort: Effort) -> i32 {
    match effort {
        Effort::Light => 6,
        Effort::Hard => 19,
    }
}

/// Why a body does not unpack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackingError {
    /// Packed with a dictionary that this build does not have.
    #[error(
        "packed with dictionary {0}, which this version does not have: the sender disregards what \
         our hello said"
    )]
    UnknownDictionary(
        /// Its number.
        u32,
    ),
    /// It says that it is longer than a body may be.
    #[error("unpacked it would have {0} bytes, allowed are {BODY_BYTES_MAX}")]
    TooLong(
        /// What it says.
        u32,
    ),
    /// It is not as long as it says.
    #[error("it says that it has {said} bytes, and it has {found}")]
    OtherLength {
        /// What it says.
        said: u32,
        /// What it has.
        found: usize,
    },
    /// Not zstd, not with this dictionary, or longer than it says.
    #[error("it does not unpack: {0}")]
    Damaged(
        /// What zstd says.
        String,
    ),
}

/// Packs the bodies of one link.
#[derive(Default)]
pub struct Packer {
    tool: Option<(Packing, Compressor<'static>)>,
    /// Packed bytes of 256 raw ones, lately.
    share: Option<u64>,
}

impl Packer {
    /// The batch with its body packed, if that is shorter.
    pub fn pack(&mut self, how: Option<Packing>, batch: Batch) -> Batch {
        let raw_bytes = batch.body.len();
        let Some(how) = how.filter(|_| raw_bytes >= WORTH_BYTES) else { return batch };
        let packed = match self.tool(how).map(|tool| tool.compress(&batch.body)) {
            Some(Ok(packed)) => packed,
            Some(Err(fault)) => {
                tracing::warn!(
                    event = "not_packed",
                    %fault,
                    "a body does not pack; it goes as it is"
                );
                return batch;
            }
            None => return batch,
        };
        self.learn(raw_bytes, packed.len().min(raw_bytes));
        // what says how it is packed takes bytes too
        let raw = u32::try_from(raw_bytes).ok().filter(|_| packed.len() + 40 < raw_bytes);
        let Some(raw_bytes) = raw else { return batch };
        let packing = frame::Packing { dictionary: how.dictionary, raw_bytes };
        Batch { packing: Some(packing), body: packed.into(), ..batch }
    }

    /// How many raw bytes of records make a frame of so many on the wire, by what was packed lately.
    pub fn raw_for(&self, how: Option<Packing>, wire_bytes: u64) -> u64 {
        let body_bytes = wire_bytes.saturating_sub(HEADING_BYTES).max(1);
        match how {
            None => body_bytes,
            Some(_) => body_bytes * 256 / self.share.unwrap_or(SHARE_FIRST),
        }
    }

    /// What packs worse counts at once, lest frames become too long; what packs better by and by.
    fn learn(&mut self, raw_bytes: usize, packed_bytes: usize) {
        let share = (packed_bytes as u64 * 256 / raw_bytes.max(1) as u64).max(8);
        self.share = Some(match self.share {
            Some(known) if share < known => known - (known - share).div_ceil(4),
            _ => share,
        });
    }

    fn tool(&mut self, how: Packing) -> Option<&mut Compressor<'static>> {
        if self.tool.as_ref().is_none_or(|(made_for, _)| *made_for != how) {
            self.tool = compressor(how).map(|tool| (how, tool));
        }
        self.tool.as_mut().map(|(_, tool)| tool)
    }
}

fn compressor(how: Packing) -> Option<Compressor<'static>> {
    static LIGHT: OnceLock<EncoderDictionary<'static>> = OnceLock::new();
    static HARD: OnceLock<EncoderDictionary<'static>> = OnceLock::new();
    let level = level(how.effort);
    let mut tool = Compressor::new(level).ok()?;
    if how.dictionary != dictionary::NONE {
        let newest = dictionary::KNOWN.iter().max().filter(|newest| **newest == how.dictionary)?;
        let place = match how.effort {
            Effort::Light => &LIGHT,
            Effort::Hard => &HARD,
        };
        let bytes = dictionary::bytes(*newest)?;
        let prepared = place.get_or_init(|| EncoderDictionary::copy(bytes, level));
        tool.set_prepared_dictionary(prepared).ok()?;
    }
    // the frame around it says all of this
    tool.set_parameter(CParameter::ContentSizeFlag(false)).ok()?;
    tool.set_parameter(CParameter::ChecksumFlag(false)).ok()?;
    tool.set_parameter(CParameter::DictIdFlag(false)).ok()?;
    Some(tool)
}

/// Unpacks bodies, of any link.
#[derive(Default)]
pub struct Unpacker {
    tools: Vec<(u32, Decompressor<'static>)>,
}

impl Unpacker {
    /// The body as it was before it was packed.
    ///
    /// # Errors
    /// It does not unpack, or not within the limit.
    pub fn unpack(
        &mut self,
        packing: Option<frame::Packing>,
        body: Bytes,
    ) -> Result<Bytes, PackingError> {
        let Some(packing) = packing else { return Ok(body) };
        let said = packing.raw_bytes;
        let most = usize::try_from(said).ok().filter(|bytes| *bytes <= BODY_BYTES_MAX);
        let most = most.ok_or(PackingError::TooLong(said))?;
        let tool = self.tool(packing.dictionary)?;
        let raw = tool.decompress(&body, most);
        let raw = raw.map_err(|fault| PackingError::Damaged(fault.to_string()))?;
        if raw.len() != most {
            return Err(PackingError::OtherLength { said, found: raw.len() });
        }
        Ok(raw.into())
    }

    fn tool(&mut self, number: u32) -> Result<&mut Decompressor<'static>, PackingError> {
        let at = match self.tools.iter().position(|(known, _)| *known == number) {
            Some(at) => at,
            None => {
                let unknown = PackingError::UnknownDictionary(number);
                let bytes = dictionary::bytes(number).ok_or(unknown)?;
                let tool = Decompressor::with_dictionary(bytes);
                let tool = tool.map_err(|fault| PackingError::Damaged(fault.to_string()))?;
                self.tools.push((number, tool));
                self.tools.len() - 1
            }
        };
        let tool = self.tools.get_mut(at).map(|(_, tool)| tool);
        tool.ok_or(PackingError::UnknownDictionary(number))
    }
}

#[cfg(test)]
mod tests;
