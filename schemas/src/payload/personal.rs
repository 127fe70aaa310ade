//! Members that say something of a person. The schemas mark them with `dataclassification`; whoever
//! shows a payload to somebody who need not know shows it [`masked`].

use serde_json::{Map, Value};

/// The keyword in a schema. Its value is the class: `personal`.
pub const MARK: &str = "dataclassification";
/// What stands in the place of a value.
pub const MASK: &str = "***";

/// A payload without what is marked, and without what its schema does not know: nobody can tell
/// what that says. Of a kind without a schema nothing is left but the mask.
pub fn masked(kind: &str, payload: &Value) -> Value {
    let schema = super::schemas().into_iter().find(|(known, _)| *known == kind);
    let schema = schema.map(|(_, schema)| schema().to_value()).unwrap_or_default();
    shown(&schema, &schema, payload)
}

fn shown(root: &Value, part: &Value, value: &Value) -> Value {
    let part = resolved(root, part);
    if part.get(MARK).is_some() {
        return MASK.into();
    }
    match value {
        Value::Object(members) => {
            let known = part.get("properties");
            let of = |name: &String| known.and_then(|known| known.get(name));
            let one = |(name, value): (&String, &Value)| {
                let value = of(name).map_or(MASK.into(), |part| shown(root, part, value));
                (name.clone(), value)
            };
            match known {
                None => MASK.into(),
                Some(_) => Value::Object(members.iter().map(one).collect::<Map<_, _>>()),
            }
        }
        Value::Array(items) => match part.get("items") {
            Some(part) => items.iter().map(|item| shown(root, part, item)).collect(),
            None => MASK.into(),
        },
        // a schema that says nothing of it does not say that it is nobody's business
        plain if part.is_object() => plain.clone(),
        _ => MASK.into(),
    }
}

/// What a part of a schema says, also where it stands under `$defs`.
pub fn resolved<'s>(schema: &'s Value, part: &'s Value) -> &'s Value {
    let target = part.get("$ref").and_then(Value::as_str).and_then(|link| link.strip_prefix('#'));
    target.and_then(|pointer| schema.pointer(pointer)).unwrap_or(part)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_says_something_of_a_person_is_masked_and_the_rest_is_shown() {
        let report = json!({
            "category": "积水", "severity": "general", "description": "张三家进水",
            "occurred_at": "2026-11-23T08:30:00+08:00", "lat": 31.09, "lng": 105.08,
            "address": "老西街7号", "reporter": "李四 13800000000", "source_code": "0412",
            "attachments": [{"reference": "s3://x/张三.jpg", "sha256": "00", "taken_by": "王五"}],
            "contact": {"phone": "13800000000"},
        });
        let shown = masked("incident.report", &report);
        assert_eq!(
            shown,
            json!({
                "category": "积水", "severity": "general", "description": "***",
                "occurred_at": "2026-11-23T08:30:00+08:00", "lat": "***", "lng": "***",
                "address": "***", "reporter": "***", "source_code": "0412",
                "attachments": [{"reference": "***", "sha256": "00", "taken_by": "***"}],
                "contact": "***",
            })
        );
    }

    #[test]
    fn nothing_is_shown_of_what_no_schema_speaks_of() {
        assert_eq!(masked("notes.share", &json!({"name": "张三"})), json!("***"));
        assert_eq!(masked("notes.share", &json!("张三")), json!("***"));
        assert_eq!(masked("incident.report", &json!(["张三"])), json!("***"));
    }
}
