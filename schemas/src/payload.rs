//! Bodies that stations or consoles understand. Everything else is opaque.
//!
//! The JSON Schema 2020-12 files in `schemas/json/` are generated from these types and checked in;
//! a test fails when the two differ. Rules: members are only added, and optional; none is renamed
//! or re-typed; unknown members are kept.

pub mod directive;
pub mod incident;
pub mod personal;
pub mod policy;
pub mod receipt;
pub mod video;

use schemars::Schema;

/// The shape of an RFC 3339 time with offset. Whether there is such a moment is for a calendar to
/// say: `format` asks for that.
pub const INSTANT_PATTERN: &str =
    r"^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$";

/// A kind and the schema of its payload.
pub fn schemas() -> Vec<(&'static str, Schema)> {
    vec![
        ("incident.report", schemars::schema_for!(incident::Report)),
        ("directive.issue", schemars::schema_for!(directive::Issue)),
        ("video.dispatch", schemars::schema_for!(video::Dispatch)),
        (policy::KIND, schemars::schema_for!(policy::Set)),
    ]
}
