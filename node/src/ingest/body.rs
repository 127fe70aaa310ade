//! [`Bodies`]: whether a body is well formed and fits its kind.
//!
//! Promise: the body is only ever read, never written again. A validator is compiled once, from the
//! schema that is checked in, when the first body of its kind comes: those of all kinds would be an
//! eighth of an idle station's memory, and the first one brings the schemas of schemas along. Kinds
//! without a schema need only be well formed.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use yizhan_core::awaited::Wants;
use yizhan_schemas::payload::{MakeSchema, broadcast, directive, video};
use yizhan_schemas::reply::{ErrorCode, Refusal};
use yizhan_schemas::{Kind, payload};

use super::media::Media;
use super::{cap, dispatch, misfit};

/// Deepest nesting of a MessagePack body: as deep as `serde_json` reads JSON.
const DEPTH_MAX: usize = 128;
/// Longest `severity` that policy is asked about, bytes.
const SEVERITY_BYTES_MAX: usize = 64;

/// The rules that bodies are held to.
#[derive(Debug)]
pub struct Bodies {
    rules: BTreeMap<&'static str, LazyRule>,
    instant: LazyRule,
    bytes_max: usize,
}

#[derive(Debug)]
struct Rule {
    schema: Value,
    validator: Validator,
}

#[derive(Debug)]
struct LazyRule {
    kind: &'static str,
    schema: MakeSchema,
    rule: OnceLock<Rule>,
}

impl LazyRule {
    fn new(kind: &'static str, schema: MakeSchema) -> Self {
        Self { kind, schema, rule: OnceLock::new() }
    }

    fn get(&self) -> Result<&Rule, BadSchema> {
        if let Some(rule) = self.rule.get() {
            return Ok(rule);
        }
        let schema = (self.schema)().to_value();
        let validator = compile(self.kind, &schema)?;
        Ok(self.rule.get_or_init(|| Rule { schema, validator }))
    }
}

/// A schema of ours that does not compile: a mistake in this build.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the schema of {kind} does not compile: {why}")]
struct BadSchema {
    kind: &'static str,
    why: String,
}

/// What is to be known of a body that was found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Its `severity`, for policy routes.
    pub severity: Option<String>,
    /// Of a directive or broadcast: when it is to leave, Unix milliseconds.
    pub not_before_ms: Option<u64>,
    /// Of a directive that is due some time: which answer it asks for.
    pub wants: Option<Wants>,
}

impl Bodies {
    /// Bodies may be `bytes_max` bytes long (`ingest.max_payload`).
    pub fn new(bytes_max: usize) -> Self {
        let lazy = |(kind, schema)| (kind, LazyRule::new(kind, schema));
        let rules = payload::schemas().into_iter().map(lazy).collect();
        Self { rules, instant: LazyRule::new("an instant", payload::instant), bytes_max }
    }

    /// Checks a body of a kind.
    ///
    /// # Errors
    /// `too_large`, `bad_json`, or `schema_invalid` with a pointer to the member.
    pub fn check(&self, kind: &Kind, media: Media, body: &[u8]) -> Result<Checked, Refusal> {
        if body.len() > self.bytes_max {
            return Err(too_large(body.len(), self.bytes_max));
        }
        let rule = self.rules.get(kind.as_str()).map(LazyRule::get).transpose();
        // a test compiles each of them
        let rule = rule.map_err(|bad| Refusal::new(ErrorCode::SchemaInvalid, bad.to_string()))?;
        let value = match media {
            Media::Json => Some(json(body)?),
            Media::MessagePack => message_pack(body, rule.is_some())?,
        };
        if let (Some(rule), Some(value)) = (rule, &value) {
            if kind.as_str() == video::KIND {
                dispatch::judge(value)?;
            }
            misfit::judge(kind, &rule.schema, &rule.validator, value)?;
            if kind.as_str() == broadcast::KIND {
                cap::judge(value)?;
            }
        }
        let severity = value.as_ref().and_then(|value| value.get("severity")?.as_str());
        let severity = severity.filter(|text| text.len() <= SEVERITY_BYTES_MAX);
        let severity = severity.map(str::to_owned);
        let timed = matches!(kind.family(), "directive" | "broadcast");
        let hour = value.as_ref().filter(|_| timed);
        let not_before_ms = hour.and_then(|value| moment_ms(value, "not_before"));
        let wants = value.as_ref().filter(|_| kind.as_str() == directive::KIND).and_then(wants);
        Ok(Checked { severity, not_before_ms, wants })
    }

    /// True if a text is an RFC 3339 time with offset, and such a moment exists.
    pub fn is_instant(&self, text: &str) -> bool {
        // a test compiles it
        self.instant.get().is_ok_and(|rule| rule.validator.is_valid(&Value::from(text)))
    }
}

/// The schema has seen to it that it is a moment.
fn moment_ms(value: &Value, member: &str) -> Option<u64> {
    let moment: jiff::Timestamp = value.get(member)?.as_str()?.parse().ok()?;
    u64::try_from(moment.as_millisecond()).ok()
}

fn wants(value: &Value) -> Option<Wants> {
    let due_ms = moment_ms(value, "due")?;
    let due = value.get("due")?.as_str()?.to_owned();
    let requires = directive::Requires::deserialize(value.get("requires")?).ok()?;
    Some(Wants { requires, due, due_ms })
}

fn compile(kind: &'static str, schema: &Value) -> Result<Validator, BadSchema> {
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .with_format("date-time", |text: &str| text.parse::<jiff::Timestamp>().is_ok())
        .build(schema)
        .map_err(|fault| BadSchema { kind, why: fault.to_string() })
}

fn too_large(got_bytes: usize, limit_bytes: usize) -> Refusal {
    Refusal::new(
        ErrorCode::TooLarge,
        format!(
            "the body is {got_bytes} bytes long; at most {limit_bytes} are taken \
             (ingest.max_payload): send large things by reference"
        ),
    )
}

fn bad_json(message: String) -> Refusal {
    Refusal::new(ErrorCode::BadJson, message)
}

fn json(body: &[u8]) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Err(bad_json("the body is empty; expected JSON".to_owned()));
    }
    serde_json::from_slice(body).map_err(|fault| bad_json(format!("the body is not JSON: {fault}")))
}

/// Reads MessagePack. `None` if it is well formed but has no JSON form (byte strings, keys that
/// are not text) and none is needed.
fn message_pack(body: &[u8], json_needed: bool) -> Result<Option<Value>, Refusal> {
    let read = |at: u64, what: String| {
        bad_json(format!("the body is not MessagePack: {what} at byte {at}"))
    };
    let mut reader = rmp_serde::Deserializer::new(Cursor::new(body));
    reader.set_max_depth(DEPTH_MAX);
    let seen = IgnoredAny::deserialize(&mut reader);
    let at = reader.get_ref().position();
    seen.map_err(|fault| read(at, fault.to_string()))?;
    if at < body.len() as u64 {
        return Err(read(at, "bytes left over behind the value".to_owned()));
    }
    let mut reader = rmp_serde::Deserializer::new(Cursor::new(body));
    reader.set_max_depth(DEPTH_MAX);
    match Value::deserialize(&mut reader) {
        Ok(value) => Ok(Some(value)),
        Err(_) if !json_needed => Ok(None),
        Err(fault) => Err(Refusal::new(
            ErrorCode::SchemaInvalid,
            format!(
                "the body is MessagePack without a JSON form ({fault} at byte {}); valid are maps \
                 with text keys, lists, texts, numbers, booleans and nil",
                reader.get_ref().position()
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_of_each_kind_compiles() {
        let bodies = Bodies::new(1_024);
        let rules = bodies.rules.values().map(LazyRule::get).collect::<Result<Vec<_>, _>>();
        assert_eq!(rules.unwrap().len(), payload::schemas().len());
        assert!(bodies.is_instant("2026-11-23T08:30:00+08:00"));
        assert!(
            !bodies.is_instant("2026-11-23T08:30:00") && !bodies.is_instant("2026-02-30T08:30:00Z")
        );
    }
}
