//! [`Event`]: one CloudEvent in JSON (structured mode), its `data` untouched.

use std::collections::BTreeMap;

use bytes::Bytes;
use data_encoding::BASE64;
use serde_json::Value;
use serde_json::error::Category;
use serde_json::value::RawValue;
use yizhan_schemas::reply::{ErrorCode, Refusal};

use super::asked::Place;
use super::attributes::Attributes;
use super::media::Media;
use super::parts::At;

/// Attributes and payload, told apart.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) attributes: Attributes,
    /// `data` as it was written, white space and all; or `data_base64`, decoded.
    pub(super) payload: Bytes,
    pub(super) at: At,
}

impl Event {
    /// Reads an event from its JSON.
    ///
    /// # Errors
    /// `bad_json`, `schema_invalid` with a pointer to the member, `unsupported_type`.
    pub(super) fn read(json: &[u8]) -> Result<Self, Refusal> {
        let members: BTreeMap<String, &RawValue> =
            serde_json::from_slice(json).map_err(|fault| unreadable(&fault))?;
        let mut attributes = Attributes::default();
        for (name, raw) in &members {
            if name == "data" || name == "data_base64" {
                continue;
            }
            if let Some(text) = attribute(name, raw)? {
                attributes.set(name, &text)?;
            }
        }
        attributes.check_version()?;
        for name in ["specversion", "id", "source", "type"] {
            attributes.require(name)?;
        }
        let media = Media::of(attributes.get("datacontenttype"))?;
        // null means unset for `data_base64`, but is a payload for `data`
        let encoded = members.get("data_base64").filter(|raw| raw.get() != "null");
        let (payload, at) = match (members.get("data"), encoded) {
            (Some(raw), None) => (data(raw, media)?, At::Data),
            (None, Some(raw)) => (decoded(raw)?, At::Encoded),
            (Some(_), Some(_)) => {
                return Err(Place::Attribute("data_base64")
                    .misshapen("there is `data` as well; one of the two is valid"));
            }
            (None, None) => {
                let why = "missing; the payload is valid here, or in `data_base64`";
                return Err(Place::Attribute("data").misshapen(why));
            }
        };
        Ok(Self { attributes, payload, at })
    }
}

/// Why JSON is not an object or array of the shape expected.
pub(super) fn unreadable(fault: &serde_json::Error) -> Refusal {
    match fault.classify() {
        Category::Data => Refusal {
            code: ErrorCode::SchemaInvalid,
            message: format!("the body is not a CloudEvent (a JSON object): {fault}"),
            pointer: Some(String::new()),
        },
        _ => Refusal::new(ErrorCode::BadJson, format!("the body is not JSON: {fault}")),
    }
}

/// An attribute's value in its one text form; `None` for null, which means unset.
fn attribute(name: &str, raw: &RawValue) -> Result<Option<String>, Refusal> {
    match serde_json::from_str(raw.get()) {
        Ok(Value::Null) => Ok(None),
        Ok(Value::String(text)) => Ok(Some(text)),
        Ok(Value::Bool(yes)) => Ok(Some(yes.to_string())),
        Ok(Value::Number(number)) if number.is_i64() => Ok(Some(number.to_string())),
        _ => {
            let cut: String = name.chars().take(80).collect();
            Err(Place::Attribute(&cut)
                .misshapen("valid is a text, a whole number, true, false or null"))
        }
    }
}

fn data(raw: &RawValue, media: Media) -> Result<Bytes, Refusal> {
    match media {
        Media::Json => Ok(Bytes::copy_from_slice(raw.get().as_bytes())),
        Media::MessagePack => Err(Place::Attribute("data")
            .misshapen("MessagePack has no place in JSON; valid is `data_base64`")),
    }
}

fn decoded(raw: &RawValue) -> Result<Bytes, Refusal> {
    let text: Option<String> = serde_json::from_str(raw.get()).ok();
    let bytes = text.and_then(|text| BASE64.decode(text.as_bytes()).ok());
    bytes.map(Bytes::from).ok_or_else(|| {
        Place::Attribute("data_base64").misshapen("valid is Base64 of RFC 4648 with padding")
    })
}
