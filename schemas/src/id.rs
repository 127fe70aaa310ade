//! [`MessageId`]: origin, epoch, lane, sequence, as `510722.101.002-b7k2qf-r1042`.
//!
//! No random bytes per message: an id is unique because an [`Epoch`] is drawn anew each time a data
//! directory is opened and sequences are dense within it. Thin links compress what repeats.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};

use crate::text::{read_from_text, write_as_displayed};
use crate::{Code, Lane};

/// Characters of an epoch in text.
const EPOCH_CHARS: usize = 6;
/// Characters that make them whole bytes.
const PADDING_CHARS: usize = 2;
/// Bits of an epoch: six characters of base32.
const EPOCH_BITS: u32 = 30;

/// One opening of one data directory. Drawn at random; 30 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u32);

/// One data directory, drawn when it is made; 64 bits, 13 characters of base32.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreId(u64);

/// Why a text is not an epoch, store id or message id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}; valid is, for example, {example}")]
pub struct BadId {
    text: String,
    what: &'static str,
    example: &'static str,
}

/// The alphabet of RFC 4648 in lower case: no digit that can be read as a letter.
static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut spec = Specification::new();
    spec.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    spec.encoding().unwrap_or(data_encoding::BASE32_NOPAD)
});

fn bad(text: &str, what: &'static str, example: &'static str) -> BadId {
    BadId { text: text.chars().take(80).collect(), what, example }
}

impl Epoch {
    /// An epoch of the low 30 bits of a random number.
    pub const fn from_random(random: u32) -> Self {
        Self(random & ((1 << EPOCH_BITS) - 1))
    }

    /// Reads the six characters.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        let fault = || bad(text, "an epoch", "b7k2qf");
        if text.len() != EPOCH_CHARS {
            return Err(fault());
        }
        // two more characters make forty bits, which are whole bytes
        let mut padded = *b"aa......";
        let (_, own) = padded.split_at_mut(PADDING_CHARS);
        own.copy_from_slice(text.as_bytes());
        let mut bytes = [0; 5];
        BASE32.decode_mut(&padded, &mut bytes).map_err(|_| fault())?;
        let number = bytes.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        u32::try_from(number).map(Self).map_err(|_| fault())
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = u64::from(self.0).to_be_bytes();
        let [_, _, _, low @ ..] = bytes;
        let mut padded = [0; PADDING_CHARS + EPOCH_CHARS];
        BASE32.encode_mut(&low, &mut padded);
        let (_, own) = padded.split_at(PADDING_CHARS);
        f.write_str(std::str::from_utf8(own).unwrap_or_default())
    }
}

impl StoreId {
    /// A store id of a random number.
    pub fn from_random(random: u64) -> Self {
        Self(random)
    }

    /// Reads the thirteen characters.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        let bytes = BASE32.decode(text.as_bytes()).ok();
        let bytes: Option<[u8; 8]> = bytes.and_then(|b| b.try_into().ok());
        bytes
            .map(|b| Self(u64::from_be_bytes(b)))
            .ok_or_else(|| bad(text, "a store id", "aebagbafaydqq"))
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE32.encode(&self.0.to_be_bytes()))
    }
}

/// Who sent a message, in which life, in which lane, the how-manieth.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// The station that took the message from its publisher.
    pub origin: Code,
    /// That station's epoch at the time.
    pub epoch: Epoch,
    /// The message's precedence.
    pub lane: Lane,
    /// Dense from 1 within (origin, epoch, lane).
    pub sequence: u64,
}

impl MessageId {
    /// Reads an id from its text.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        Self::parts(text).ok_or_else(|| bad(text, "a message id", "510722.101.002-b7k2qf-r1042"))
    }

    fn parts(text: &str) -> Option<Self> {
        // the origin may hold dashes, so the text is cut from its end
        let (rest, last) = text.rsplit_once('-')?;
        let (origin, epoch) = rest.rsplit_once('-')?;
        let mut chars = last.chars();
        let lane = Lane::from_letter(chars.next()?)?;
        let digits = chars.as_str();
        let canonical = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        let sequence = digits.parse().ok().filter(|_| canonical)?;
        let (origin, epoch) = (Code::parse(origin).ok()?, Epoch::parse(epoch).ok()?);
        Some(Self { origin, epoch, lane, sequence })
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}{}", self.origin, self.epoch, self.lane.letter(), self.sequence)
    }
}

macro_rules! text_form {
    ($($name:ty),*) => {$(
        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::parse(text)
            }
        }
        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                Self::parse(&text)
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }
    )*};
}
text_form!(Epoch, StoreId, MessageId);
read_from_text!(Epoch, StoreId, MessageId);
write_as_displayed!(Epoch, StoreId, MessageId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_design_reads_back_as_itself() {
        let text = "510722.101.002-b7k2qf-r1042";
        let id = MessageId::parse(text).unwrap();
        assert_eq!((id.lane, id.sequence), (Lane::Routine, 1042));
        assert_eq!(id.to_string(), text);
    }

    #[test]
    fn origins_with_dashes_are_told_from_the_rest() {
        let id = MessageId::parse("a-b-c.d-aaaaaa-f1").unwrap();
        assert_eq!(id.origin.as_str(), "a-b-c.d");
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for text in [
            "",
            "a",
            "a-b7k2qf",
            "a-b7k2qf-x1",
            "a-b7k2qf-r",
            "a-b7k2qf-r01",
            "a-B7K2QF-r1",
            "a-b7k2qf-r99999999999999999999",
            "-b7k2qf-r1",
            "a-b7k2q1-r1",
        ] {
            assert!(MessageId::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn epochs_and_store_ids_survive_their_text_form() {
        for random in [0, 1, 0x3fff_ffff, 0x1234_5678, u32::MAX] {
            let epoch = Epoch::from_random(random);
            assert_eq!(Epoch::parse(&epoch.to_string()), Ok(epoch));
        }
        for random in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
            let store = StoreId::from_random(random);
            assert_eq!(StoreId::parse(&store.to_string()), Ok(store));
        }
    }
}
