//! [`Hash`]: a hash with the name of its algorithm, as in `sha256:9f86d0…`.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// An algorithm. Others are added, none is taken away: old lines keep theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
}

impl Algorithm {
    /// What new lines are hashed with.
    pub const PRESENT: Self = Self::Sha256;

    /// As it stands before the colon.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
        }
    }

    /// The hash of some bytes.
    pub fn hash(self, bytes: &[u8]) -> Hash {
        let bytes = match self {
            Self::Sha256 => Sha256::digest(bytes).into(),
        };
        Hash { algorithm: self, bytes }
    }
}

/// A hash.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Hash {
    /// What made it.
    pub algorithm: Algorithm,
    bytes: [u8; 32],
}

impl Hash {
    /// What the very first line names as the one before.
    pub const NONE: Self = Self { algorithm: Algorithm::Sha256, bytes: [0; 32] };
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.word(), HEXLOWER.encode(&self.bytes))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bad =
            || format!("`{}` is no hash; valid is sha256: and 64 digits of 0-9a-f", cut(text));
        let (word, hex) = text.split_once(':').ok_or_else(bad)?;
        if word != Algorithm::Sha256.word() {
            return Err(format!(
                "`{}` is no hash algorithm that this version knows; valid is sha256",
                cut(word)
            ));
        }
        let bytes = HEXLOWER.decode(hex.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(|bytes| Self { algorithm: Algorithm::Sha256, bytes }).ok_or_else(bad)
    }
}

fn cut(text: &str) -> String {
    super::deed::clean(text, 80)
}

impl From<Hash> for String {
    fn from(hash: Hash) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for Hash {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}
