//! The sentence for a body that does not fit its schema: which member, what it is, what would be
//! valid.
//!
//! It is made from the schema, so a new kind needs no words here. Of several faults the most
//! useful is told: what is missing before what is wrong, outer before inner.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;
use yizhan_schemas::Kind;
use yizhan_schemas::payload::personal::{self, resolved};
use yizhan_schemas::reply::{ErrorCode, Refusal};

/// Most faults that are looked at to find the most useful one.
const FAULTS_MAX: usize = 64;
/// Longest text that is quoted, characters.
const QUOTE_CHARS_MAX: usize = 40;
/// An example that says more than the name of a standard.
const INSTANT: &str = "an RFC 3339 time with offset, as in 2026-11-23T08:30:00+08:00";

/// Checks a value against its kind's schema.
///
/// # Errors
/// `schema_invalid` with the pointer to the member.
pub(super) fn judge(
    kind: &Kind,
    schema: &Value,
    validator: &Validator,
    value: &Value,
) -> Result<(), Refusal> {
    if validator.is_valid(value) {
        return Ok(());
    }
    let faults: Vec<_> = validator.iter_errors(value).take(FAULTS_MAX).collect();
    let Some(worst) = faults.iter().min_by_key(|fault| rank(fault)) else { return Ok(()) };
    let at = worst.instance_path().as_str();
    let (pointer, sentence) = match missing(worst) {
        Some(first) => {
            let beside = faults.iter().filter(|fault| fault.instance_path().as_str() == at);
            let names: Vec<_> = beside.filter_map(missing).collect();
            let pointer = format!("{at}/{}", escaped(first));
            let valid = valid(schema, under(schema, &pointer));
            let within = at.strip_prefix('/').map_or(String::new(), |at| format!("in `{at}` "));
            (pointer, format!("{within}{} missing; `{first}` is {valid}", listed(&names)))
        }
        None => {
            let name = at.strip_prefix('/').map_or("the body".to_owned(), |at| format!("`{at}`"));
            let part = under(schema, at);
            let seen = match part.get(personal::MARK) {
                Some(_) => outline(worst.instance()),
                None => seen(worst.instance()),
            };
            let valid = valid(schema, part);
            (at.to_owned(), format!("{name} is {seen}; valid is {valid}"))
        }
    };
    Err(Refusal {
        code: ErrorCode::SchemaInvalid,
        message: format!("{kind}: {sentence}"),
        pointer: Some(pointer),
    })
}

fn rank(fault: &ValidationError<'_>) -> (bool, usize) {
    (missing(fault).is_none(), fault.instance_path().as_str().matches('/').count())
}

fn missing<'a>(fault: &'a ValidationError<'_>) -> Option<&'a str> {
    match fault.kind() {
        ValidationErrorKind::Required { property } => property.as_str(),
        _ => None,
    }
}

/// A member's name as a token of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn listed(names: &[&str]) -> String {
    match names {
        [one] => format!("`{one}` is"),
        [most @ .., last] => {
            let most: Vec<_> = most.iter().map(|name| format!("`{name}`")).collect();
            format!("{} and `{last}` are", most.join(", "))
        }
        [] => "a member is".to_owned(),
    }
}

/// What stands there, short enough to read and to log.
fn seen(value: &Value) -> String {
    match value {
        Value::String(text) => match text.chars().count() {
            0..=QUOTE_CHARS_MAX => value.to_string(),
            chars => format!("a text of {chars} characters"),
        },
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
        other => other.to_string(),
    }
}

/// The same of what may say something of a person: it is said where publishers' errors are logged.
fn outline(value: &Value) -> String {
    match value {
        Value::String(text) => format!("a text of {} characters", text.chars().count()),
        Value::Number(_) => "a number (not shown: it may be personal)".to_owned(),
        other => seen(other),
    }
}

/// The part of a schema that speaks of the member at a pointer.
fn under<'s>(schema: &'s Value, pointer: &str) -> &'s Value {
    pointer.split('/').skip(1).fold(resolved(schema, schema), |part, token| {
        let name = token.replace("~1", "/").replace("~0", "~");
        let next = part.get("properties").and_then(|members| members.get(&name));
        resolved(schema, next.or_else(|| part.get("items")).unwrap_or(&Value::Null))
    })
}

/// What a part of a schema allows, in words.
fn valid(schema: &Value, part: &Value) -> String {
    if let Some(words) = choices(part) {
        return format!("one of {}", words.join(", "));
    }
    let names: Vec<_> = match part.get("type") {
        Some(Value::String(name)) => vec![name.as_str()],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => return "what the schema says".to_owned(),
    };
    let words = names.iter().map(|name| match *name {
        "string" => text(part),
        "number" | "integer" => number(name, part),
        "array" => format!("a list{}", span(part, "minItems", "maxItems", "items")),
        "object" => object(schema, part),
        "boolean" => "true or false".to_owned(),
        other => other.to_owned(),
    });
    words.collect::<Vec<_>>().join(", or ")
}

fn choices(part: &Value) -> Option<Vec<&str>> {
    if let Some(words) = part.get("enum").and_then(Value::as_array) {
        return words.iter().map(Value::as_str).collect();
    }
    let branches = part.get("oneOf")?.as_array()?;
    branches.iter().map(|branch| branch.get("const")?.as_str()).collect()
}

fn text(part: &Value) -> String {
    let size = span(part, "minLength", "maxLength", "characters");
    match (part.get("format").and_then(Value::as_str), part.get("pattern").and_then(Value::as_str))
    {
        (Some("date-time"), _) => INSTANT.to_owned(),
        (_, Some(pattern)) => format!("a text{size} like {pattern}"),
        _ => format!("a text{size}"),
    }
}

fn number(name: &str, part: &Value) -> String {
    let what = if name == "integer" { "a whole number" } else { "a number" };
    match (part.get("minimum"), part.get("maximum")) {
        (Some(low), Some(high)) => format!("{what} from {low} to {high}"),
        (Some(low), None) => format!("{what} from {low} on"),
        (None, Some(high)) => format!("{what} up to {high}"),
        (None, None) => what.to_owned(),
    }
}

fn span(part: &Value, low: &str, high: &str, unit: &str) -> String {
    match (part.get(low), part.get(high)) {
        (Some(low), Some(high)) => format!(" of {low} to {high} {unit}"),
        (Some(low), None) => format!(" of at least {low} {unit}"),
        (None, Some(high)) => format!(" of at most {high} {unit}"),
        (None, None) => String::new(),
    }
}

fn object(schema: &Value, part: &Value) -> String {
    let part = resolved(schema, part);
    let names = part.get("required").and_then(Value::as_array);
    let names: Vec<_> = names.into_iter().flatten().filter_map(Value::as_str).collect();
    match names.is_empty() {
        true => "an object".to_owned(),
        false => format!("an object with {}", names.join(", ")),
    }
}
