//! What may stand behind a key: sizes, times, shares, addresses, tokens.
//!
//! Each function reads a value as people write it. Its error text is never shown: the table of
//! keys says what would be valid, so that a person reads one sentence and not two.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use yizhan_schemas::Code;

use super::secret::Secret;

/// A part of something, or an absolute size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Bytes.
    Bytes(u64),
    /// Percent of the whole, 0 to 100.
    Percent(u8),
}

impl Share {
    /// The size in bytes, of a whole in bytes.
    pub fn of(self, whole: u64) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            // the quotient first loses at most 99 bytes and cannot overflow
            Self::Percent(percent) => whole / 100 * u64::from(percent.min(100)),
        }
    }
}

/// A station's nkey.
#[derive(Debug, Clone, PartialEq)]
pub enum StationKey {
    /// The file that holds the seed.
    File(PathBuf),
    /// The seed.
    Seed(Secret),
}

/// What a bearer token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Read.
    Reader,
    /// Read and publish.
    Publisher,
    /// Everything.
    Operator,
}

/// A bearer token of the HTTP interface.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Whose it is, for the audit log.
    #[serde(default)]
    pub name: Option<String>,
    /// What it allows.
    pub role: Role,
    /// The token.
    pub token: Secret,
}

/// How spans travel to the collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum OtlpProtocol {
    /// Protobuf over HTTP.
    #[serde(rename = "http/protobuf")]
    HttpProtobuf,
    /// gRPC.
    #[serde(rename = "grpc")]
    Grpc,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Human on a terminal, else JSON.
    Auto,
    /// Lines for people.
    Human,
    /// One JSON object a line.
    Json,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(String),
    Many(Vec<T>),
}

fn read<'de, D, T>(from: D, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(from)?;
    parse(text.trim()).ok_or_else(|| D::Error::custom("not valid"))
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

pub(super) fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    read(from, |text| text.parse::<ByteSize>().ok().map(|size| size.as_u64()))
}

pub(super) fn share<'de, D: Deserializer<'de>>(from: D) -> Result<Share, D::Error> {
    read(from, |text| match text.strip_suffix('%') {
        Some(number) => {
            number.trim().parse().ok().filter(|percent| *percent <= 100).map(Share::Percent)
        }
        None => text.parse::<ByteSize>().ok().map(|size| Share::Bytes(size.as_u64())),
    })
}

pub(super) fn span<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    read(from, |text| humantime::parse_duration(text).ok())
}

pub(super) fn count<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    read(from, |text| text.replace('_', "").parse().ok())
}

pub(super) fn small_count<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    count(from).and_then(|number| u32::try_from(number).map_err(D::Error::custom))
}

pub(super) fn fraction<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    read(from, |text| text.parse().ok().filter(|part| (0.0..=1.0).contains(part)))
}

/// `:0` and `localhost:0` are loopback: what is open to others has to be written out.
pub(super) fn listen<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    read(from, |text| {
        let port = text.strip_prefix("localhost:").or_else(|| text.strip_prefix(':'));
        match port {
            Some(port) => port.parse().ok().map(|port| (Ipv4Addr::LOCALHOST, port).into()),
            None => text.parse().ok(),
        }
    })
}

/// Bits per second, with decimal prefixes, as lines are sold.
pub(super) fn rate<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    read(from, |text| {
        if text == "measured" {
            return Some(None);
        }
        let text = text.strip_suffix("/s").unwrap_or(text).strip_suffix("bit")?;
        let (digits, factor) = match text.chars().last()? {
            'k' => (text.strip_suffix('k')?, 1_000),
            'M' => (text.strip_suffix('M')?, 1_000_000),
            'G' => (text.strip_suffix('G')?, 1_000_000_000),
            _ => (text, 1),
        };
        let number: u64 = digits.trim().parse().ok().filter(|number| *number > 0)?;
        number.checked_mul(factor).map(Some)
    })
}

fn has_scheme(url: &str, schemes: &[&str]) -> bool {
    let rest = schemes.iter().find_map(|scheme| url.strip_prefix(scheme)?.strip_prefix("://"));
    rest.is_some_and(|rest| !rest.is_empty() && !url.contains(char::is_whitespace))
}

pub(super) fn nats_urls<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let urls: Vec<String> = match OneOrMany::deserialize(from)? {
        OneOrMany::One(text) => list(&text).map(str::to_owned).collect(),
        OneOrMany::Many(urls) => urls,
    };
    let good = !urls.is_empty() && urls.iter().all(|url| has_scheme(url, &["nats", "tls"]));
    if good { Ok(urls) } else { Err(D::Error::custom("not valid")) }
}

pub(super) fn http_url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    read(from, |text| has_scheme(text, &["http", "https"]).then(|| Some(text.to_owned())))
}

pub(super) fn codes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Code>, D::Error> {
    match OneOrMany::deserialize(from)? {
        OneOrMany::One(text) => list(&text).map(Code::parse).collect::<Result<_, _>>(),
        OneOrMany::Many(codes) => Ok(codes),
    }
    .map_err(D::Error::custom)
}

pub(super) fn station_key<'de, D>(from: D) -> Result<Option<StationKey>, D::Error>
where
    D: Deserializer<'de>,
{
    read(from, |text| match is_seed(text) {
        true => Some(Some(StationKey::Seed(Secret::from(text)))),
        false if text.is_empty() => None,
        false => Some(Some(StationKey::File(PathBuf::from(text)))),
    })
}

/// True if a text is the seed of a user and not a path.
pub(super) fn is_seed(text: &str) -> bool {
    text.len() == 58 && text.starts_with("SU") && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

pub(super) fn tokens<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Token>, D::Error> {
    let tokens = match OneOrMany::deserialize(from)? {
        OneOrMany::Many(tokens) => Some(tokens),
        OneOrMany::One(text) => list(&text).map(token_of_text).collect(),
    };
    let good = |token: &Token| {
        let text = token.token.reveal();
        (16..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
    };
    tokens.filter(|all| all.iter().all(good)).ok_or_else(|| D::Error::custom("not valid"))
}

fn token_of_text(text: &str) -> Option<Token> {
    let (role, token) = text.split_once(':')?;
    let role = match role {
        "operator" => Role::Operator,
        "publisher" => Role::Publisher,
        "reader" => Role::Reader,
        _ => return None,
    };
    Some(Token { name: None, role, token: Secret::from(token) })
}
