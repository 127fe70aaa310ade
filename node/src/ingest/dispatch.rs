//! What is wrong with a `video.dispatch` that its schema cannot say: a part of the device's id, or
//! settings that do not belong to the command.
//!
//! Promise: only what is known of the standard is checked. The range of a speed and the numbers of
//! presets differ from device to device, and what this version does not know is kept: the adapter
//! judges those. What is missing or of another type, the schema names.

use jiff::Timestamp;
use serde::Deserialize as _;
use serde_json::{Map, Value};
use yizhan_schemas::payload::video::{DeviceId, KIND, Order, SESSION_S_MAX};
use yizhan_schemas::reply::{ErrorCode, Refusal};

/// Speeds of `ptz`; the sign is the direction.
const SPEEDS: [&str; 3] = ["pan", "tilt", "zoom"];
/// A position of `ptz` that was stored before.
const PRESET: &str = "preset";

/// Checks a body.
///
/// # Errors
/// `schema_invalid` with the pointer to the member.
pub(super) fn judge(body: &Value) -> Result<(), Refusal> {
    if let Some(id) = body.get("device_id").and_then(Value::as_str)
        && let Err(fault) = DeviceId::parse(id)
    {
        return Err(refusal("/device_id", &format!("`device_id` {fault}")));
    }
    let command = body.get("command").map(Order::deserialize);
    let Some(Ok(command)) = command else { return Ok(()) };
    let none = Map::new();
    let params = match body.get("params") {
        Some(Value::Object(params)) => params,
        Some(_) => return Ok(()),
        None => &none,
    };
    match command {
        Order::Ptz => ptz(params),
        Order::Open => session(params, "open"),
        Order::Playback => playback(params).and_then(|()| session(params, "playback")),
        Order::Stop => match params.get("session") {
            Some(name) if !name.is_string() => Err(wrong("session", "stop", "a session's name")),
            _ => Ok(()),
        },
        Order::Snapshot => Ok(()),
    }
}

fn ptz(params: &Map<String, Value>) -> Result<(), Refusal> {
    if params.is_empty() {
        return Err(refusal(
            "/params",
            "ptz has no `params`; valid are speeds `pan`, `tilt`, `zoom`, or a `preset`",
        ));
    }
    let moves: Vec<_> =
        SPEEDS.iter().filter_map(|name| Some((*name, params.get(*name)?))).collect();
    for (name, given) in &moves {
        if given.as_i64().is_none() {
            return Err(wrong(name, "ptz", "a whole number; below 0 is left, down or out"));
        }
    }
    let Some(preset) = params.get(PRESET) else { return Ok(()) };
    if preset.as_u64().is_none() {
        return Err(wrong(PRESET, "ptz", "a whole number from 0 on"));
    }
    match moves.first() {
        Some((name, _)) => {
            Err(wrong(PRESET, "ptz", &format!("a preset or a speed such as `{name}`, not both")))
        }
        None => Ok(()),
    }
}

fn playback(params: &Map<String, Value>) -> Result<(), Refusal> {
    let moment = |name: &str| {
        let moment = params.get(name).and_then(Value::as_str).map(str::parse::<Timestamp>);
        let valid = "an RFC 3339 time with offset, as in 2026-11-23T08:30:00+08:00";
        moment.and_then(Result::ok).ok_or_else(|| wrong(name, "playback", valid))
    };
    let (from, to) = (moment("from")?, moment("to")?);
    if from < to { Ok(()) } else { Err(wrong("to", "playback", "a time after `from`")) }
}

fn session(params: &Map<String, Value>, command: &str) -> Result<(), Refusal> {
    let Some(given) = params.get("session_s") else { return Ok(()) };
    match given.as_u64().is_some_and(|seconds| (1..=SESSION_S_MAX).contains(&seconds)) {
        true => Ok(()),
        false => {
            let valid = format!("a whole number of seconds from 1 to {SESSION_S_MAX}");
            Err(wrong("session_s", command, &valid))
        }
    }
}

fn wrong(name: &str, command: &str, valid: &str) -> Refusal {
    let what = format!("`params/{name}` of {command} is not valid; valid is {valid}");
    refusal(&format!("/params/{name}"), &what)
}

fn refusal(pointer: &str, what: &str) -> Refusal {
    Refusal {
        code: ErrorCode::SchemaInvalid,
        message: format!("{KIND}: {what}"),
        pointer: Some(pointer.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CAMERA: &str = "34020000001320000101";

    #[test]
    fn each_command_has_the_settings_that_belong_to_it() {
        let (from, to) = ("2026-11-23T08:30:00+08:00", "2026-11-23T00:40:00Z");
        for (command, params, at) in [
            ("open", json!({}), None),
            ("open", json!({ "stream": "sub" }), None),
            ("open", json!({ "session_s": 60 }), None),
            ("open", json!({ "session_s": 0 }), Some("/params/session_s")),
            ("open", json!({ "session_s": 3601 }), Some("/params/session_s")),
            ("stop", json!({}), None),
            ("stop", json!({ "session": "510722-b7k2qf-r1" }), None),
            ("stop", json!({ "session": 7 }), Some("/params/session")),
            ("ptz", json!({ "pan": -255, "tilt": 0 }), None),
            ("ptz", json!({ "zoom": 15, "brand": "x" }), None),
            ("ptz", json!({ "focus": 1 }), None),
            ("ptz", json!({ "preset": 7 }), None),
            ("ptz", json!({}), Some("/params")),
            ("ptz", json!({ "pan": "fast" }), Some("/params/pan")),
            ("ptz", json!({ "tilt": 0.5 }), Some("/params/tilt")),
            ("ptz", json!({ "preset": -1 }), Some("/params/preset")),
            ("ptz", json!({ "preset": 1, "tilt": 3 }), Some("/params/preset")),
            ("playback", json!({ "from": from, "to": to }), None),
            (
                "playback",
                json!({ "from": from, "to": to, "session_s": "1h" }),
                Some("/params/session_s"),
            ),
            ("playback", json!({ "from": from }), Some("/params/to")),
            ("playback", json!({ "from": "today", "to": to }), Some("/params/from")),
            ("playback", json!({ "from": to, "to": from }), Some("/params/to")),
            ("playback", json!({ "from": "2026-11-23T08:30:00", "to": to }), Some("/params/from")),
        ] {
            let body = json!({ "device_id": CAMERA, "command": command, "params": params });
            let found = judge(&body).err().and_then(|refusal| refusal.pointer);
            assert_eq!(found.as_deref(), at, "{body}");
        }
    }

    #[test]
    fn what_the_schema_can_name_is_left_to_it() {
        for body in [
            json!({}),
            json!({ "device_id": 1, "command": "ptz", "params": 3 }),
            json!({ "device_id": CAMERA, "command": "explode" }),
            json!({ "device_id": CAMERA }),
        ] {
            assert_eq!(judge(&body), Ok(()), "{body}");
        }
        let short = judge(&json!({ "device_id": "1", "command": "open" })).unwrap_err();
        assert_eq!(short.pointer.as_deref(), Some("/device_id"));
        assert!(short.message.contains("20 digits"), "{}", short.message);
    }
}
