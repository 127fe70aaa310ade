//! [`Story`]: what happened, as a hash always and as lines on request.
//!
//! Promise: two stories with the same hash are the same, byte for byte, whether anybody reads them
//! or not: every line and every frame goes into it.

use std::fmt::{self, Write};

/// Offset and prime of FNV-1a, 64 bits.
const FNV: (u64, u64) = (0xcbf2_9ce4_8422_2325, 0x0000_0100_0000_01b3);

/// A rolling hash, and the lines if they are wanted.
#[derive(Debug)]
pub struct Story {
    hash: Hash,
    lines: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy)]
struct Hash(u64);

impl Write for Hash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}

impl Hash {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(FNV.1);
        }
    }
}

impl Story {
    /// An empty one; `aloud` keeps its lines.
    pub fn begin(aloud: bool) -> Self {
        Self { hash: Hash(FNV.0), lines: aloud.then(Vec::new) }
    }

    /// One line more.
    pub fn tell(&mut self, at_us: u64, what: fmt::Arguments<'_>) {
        // writing to a hash cannot fail
        let _ = writeln!(self.hash, "{at_us} {what}");
        if let Some(lines) = self.lines.as_mut() {
            lines.push(format!("{:>12.6} {what}", at_us as f64 / 1e6));
        }
    }

    /// Bytes that belong to it and are worth no line.
    pub fn note(&mut self, at_us: u64, bytes: &[u8]) {
        self.hash.bytes(&at_us.to_le_bytes());
        self.hash.bytes(bytes);
    }

    /// The hash so far.
    pub fn hash(&self) -> u64 {
        self.hash.0
    }

    /// True if its lines are kept.
    pub fn is_aloud(&self) -> bool {
        self.lines.is_some()
    }

    /// Its lines.
    pub fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}
