//! Bodies that stations or consoles understand. Everything else is opaque.
//!
//! The JSON Schema 2020-12 files in `schemas/json/` are generated from these types and checked in;
//! a test fails when the two differ. Rules: members are only added, and optional; none is renamed
//! or re-typed; unknown members are kept.

pub mod broadcast;
pub mod case;
pub mod directive;
pub mod incident;
pub mod matter;
pub mod notice;
pub mod personal;
pub mod policy;
pub mod receipt;
pub mod spans;
pub mod stats;
pub mod video;

use schemars::Schema;

/// The shape of an RFC 3339 time with offset. Whether there is such a moment is for a calendar to
/// say: `format` asks for that.
pub const INSTANT_PATTERN: &str =
    r"^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$";

/// The shape of a message id in a payload.
pub const ID_PATTERN: &str = r"^[0-9A-Za-z_.-]{1,263}-[a-z2-7]{6}-[fipr][1-9][0-9]{0,19}$";

/// True if a payload's content type says that it is MessagePack.
pub fn is_packed(content_type: Option<&str>) -> bool {
    content_type.is_some_and(|text| text.contains("msgpack"))
}

/// Reads a payload: MessagePack if its content type says so, else JSON.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn read<T: serde::de::DeserializeOwned>(
    content_type: Option<&str>,
    payload: &[u8],
) -> Result<T, String> {
    if is_packed(content_type) {
        return rmp_serde::from_slice(payload).map_err(|fault| fault.to_string());
    }
    serde_json::from_slice(payload).map_err(|fault| fault.to_string())
}

/// The JSON of what a station says itself: text, numbers and words, which always have one.
pub(crate) fn to_json(payload: &impl serde::Serialize) -> bytes::Bytes {
    serde_json::to_vec(payload).unwrap_or_default().into()
}

/// Makes the schema of a payload.
pub type MakeSchema = fn() -> Schema;

/// The schema of a text that is a moment, for what names one outside of a payload.
pub fn instant() -> Schema {
    schemars::json_schema!({
        "type": "string", "format": "date-time", "pattern": INSTANT_PATTERN,
    })
}

/// Each kind with a schema, and what makes that.
pub fn schemas() -> Vec<(&'static str, MakeSchema)> {
    vec![
        ("incident.report", || schemars::schema_for!(incident::Report)),
        (incident::update::KIND, || schemars::schema_for!(incident::update::Update)),
        (incident::card::KIND, || schemars::schema_for!(incident::card::Card)),
        ("case.open", || schemars::schema_for!(case::Open)),
        ("case.attempt", || schemars::schema_for!(case::Attempt)),
        ("case.apply", || schemars::schema_for!(case::Apply)),
        ("case.accept", || schemars::schema_for!(case::Accept)),
        ("case.return", || schemars::schema_for!(case::Return)),
        ("case.close", || schemars::schema_for!(case::Close)),
        ("case.evaluate", || schemars::schema_for!(case::Evaluate)),
        (directive::KIND, || schemars::schema_for!(directive::Issue)),
        (directive::reminder::KIND, || schemars::schema_for!(directive::reminder::Reminder)),
        (directive::reminder::OVERDUE_KIND, || schemars::schema_for!(directive::reminder::Overdue)),
        (broadcast::KIND, || schemars::schema_for!(broadcast::Issue)),
        (video::KIND, || schemars::schema_for!(video::Dispatch)),
        (policy::KIND, || schemars::schema_for!(policy::Set)),
    ]
}
