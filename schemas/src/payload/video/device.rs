//! [`DeviceId`]: a device by its GB/T 28181 id.
//!
//! Twenty digits: 8 for the centre (administrative division), 2 for the sector, 3 for the type, 1
//! for the network, 6 for the serial number. Source: public implementations of the standard, whose
//! text is not free. They use the types 111 (DVR), 118 (NVR), 131 (camera), 132 (network camera) and
//! 134 (alarm input) for devices; from 200 on they are servers, groups, users and platforms, which
//! no command is for. The table of all types is not public, so none from 111 to 199 is refused.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The shape of a device's id in a payload.
pub const DEVICE_PATTERN: &str = "^[0-9]{10}1(1[1-9]|[2-9][0-9])[0-9]{7}$";

const DIGITS: usize = 20;
/// Where the type stands, and which types are devices.
const TYPE_AT: usize = 10;
const TYPES: RangeInclusive<u16> = 111..=199;

/// A device: twenty digits, and the type of one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceId([u8; DIGITS]);

/// What is wrong with a device's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceFault {
    /// Too short or too long.
    #[error(
        "has {0} characters; valid are the 20 digits of GB/T 28181: 8 centre, 2 sector, 3 type, \
         1 network, 6 serial number"
    )]
    Length(usize),
    /// A part holds something else than digits.
    #[error("has `{given}` as its {part} (characters {first} to {last}); valid are digits 0 to 9")]
    NoDigits {
        /// The part's name.
        part: &'static str,
        /// What stands there.
        given: String,
        /// Where it begins, from 1.
        first: usize,
        /// Where it ends.
        last: usize,
    },
    /// It is no device's.
    #[error(
        "has type {0:03} (characters 11 to 13), which is no device; valid are 111 to 199, such as \
         131 camera, 132 network camera, 118 NVR"
    )]
    NoDevice(u16),
}

/// The parts of an id, and how long they are.
const PARTS: [(&str, usize); 5] =
    [("centre", 8), ("sector", 2), ("type", 3), ("network", 1), ("serial number", 6)];

impl DeviceId {
    /// Reads an id.
    ///
    /// # Errors
    /// Which part of it is wrong.
    pub fn parse(text: &str) -> Result<Self, DeviceFault> {
        let digits = Self::digits(text)?;
        let id = Self(digits);
        if !TYPES.contains(&id.kind()) {
            return Err(DeviceFault::NoDevice(id.kind()));
        }
        Ok(id)
    }

    fn digits(text: &str) -> Result<[u8; DIGITS], DeviceFault> {
        let chars: Vec<char> = text.chars().take(DIGITS + 1).collect();
        if chars.len() != DIGITS {
            return Err(DeviceFault::Length(text.chars().count()));
        }
        let mut from = 0;
        for (part, len) in PARTS {
            let there = chars.get(from..from + len).unwrap_or_default();
            if !there.iter().all(char::is_ascii_digit) {
                let given = there.iter().collect();
                return Err(DeviceFault::NoDigits {
                    part,
                    given,
                    first: from + 1,
                    last: from + len,
                });
            }
            from += len;
        }
        // all are digits, so a character is a byte
        text.as_bytes().try_into().map_err(|_| DeviceFault::Length(text.len()))
    }

    /// The type: three digits.
    pub fn kind(&self) -> u16 {
        let digits = self.0.iter().skip(TYPE_AT).take(3);
        digits.fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'))
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|digit| fmt::Write::write_char(f, char::from(*digit)))
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for DeviceId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).map_err(|fault| format!("the device's id {fault}"))
    }
}

impl From<DeviceId> for String {
    fn from(id: DeviceId) -> Self {
        id.to_string()
    }
}

impl JsonSchema for DeviceId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "DeviceId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": DEVICE_PATTERN })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_twenty_digits_and_the_type_of_a_device() {
        for good in ["34020000001320000101", "51072210001110000001", "51072210001997999999"] {
            assert_eq!(DeviceId::parse(good).unwrap().to_string(), good);
        }
        assert_eq!(DeviceId::parse("34020000001320000101").unwrap().kind(), 132);
    }

    #[test]
    fn what_is_wrong_is_said_of_the_part_where_it_is() {
        for (bad, why) in [
            ("", "has 0 characters"),
            ("3402000000132000010", "has 19 characters"),
            ("340200000013200001011", "has 21 characters"),
            ("3402000x001320000101", "`3402000x` as its centre (characters 1 to 8)"),
            ("34020000-01320000101", "`-0` as its sector (characters 9 to 10)"),
            ("34020000001З20000101", "`1З2` as its type (characters 11 to 13)"),
            ("3402000000132.000101", "`.` as its network (characters 14 to 14)"),
            ("340200000013200001>1", "`0001>1` as its serial number (characters 15 to 20)"),
            ("34020000002000000001", "has type 200"),
            ("34020000001100000001", "has type 110"),
            ("34020000000200000001", "has type 020"),
            ("34020000005000000001", "has type 500"),
        ] {
            let said = DeviceId::parse(bad).unwrap_err().to_string();
            assert!(said.contains(why), "{bad}: {said}");
        }
    }
}
