//! The `cap` of a `broadcast.issue`: a CAP 1.2 alert (OASIS) in XML, for systems that speak it.
//!
//! Promise: what is passed on as CAP is one: well formed, without a DTD, with every element that the
//! standard demands and no word that it does not know; and it says of itself what the payload
//! around it says. What it says beyond that is for its readers.

use roxmltree::{Document, Node};
use serde_json::Value;
use yizhan_schemas::payload::broadcast::KIND;
use yizhan_schemas::reply::{ErrorCode, Refusal};

const NAMESPACE: &str = "urn:oasis:names:tc:emergency:cap:1.2";
/// Elements of `info` that hold one word of a list.
const WORDS: [(&str, &[&str]); 4] = [
    (
        "category",
        &[
            "Geo",
            "Met",
            "Safety",
            "Security",
            "Rescue",
            "Fire",
            "Health",
            "Env",
            "Transport",
            "Infra",
            "CBRNE",
            "Other",
        ],
    ),
    ("urgency", &["Immediate", "Expected", "Future", "Past", "Unknown"]),
    ("severity", &["Extreme", "Severe", "Moderate", "Minor", "Unknown"]),
    ("certainty", &["Observed", "Likely", "Possible", "Unlikely", "Unknown"]),
];
/// What a scope needs beside it.
const SCOPES: [(&str, Option<&str>); 3] =
    [("Public", None), ("Restricted", Some("restriction")), ("Private", Some("addresses"))];

/// Checks a body.
///
/// # Errors
/// `schema_invalid` with the pointer to the member.
pub(super) fn judge(body: &Value) -> Result<(), Refusal> {
    let Some(text) = body.get("cap").and_then(Value::as_str) else { return Ok(()) };
    let said = |member: &str, default| body.get(member).and_then(Value::as_str).unwrap_or(default);
    let (status, msg_type) = (said("status", "Actual"), said("msgType", "Alert"));
    let found = match Document::parse(text) {
        Ok(document) => Alert(&document).judge(status, msg_type),
        Err(fault) => Err(format!("is not well-formed XML: {fault}; valid is a CAP 1.2 alert")),
    };
    found.map_err(|why| Refusal {
        code: ErrorCode::SchemaInvalid,
        message: format!("{KIND}: `cap` {why}"),
        pointer: Some("/cap".to_owned()),
    })
}

/// A document that says that it is an alert.
struct Alert<'d>(&'d Document<'d>);

impl Alert<'_> {
    fn judge(&self, status: &str, msg_type: &str) -> Result<(), String> {
        let alert = self.0.root_element();
        if !alert.has_tag_name((NAMESPACE, "alert")) {
            return Err(format!("has no `alert` of {NAMESPACE} at its top"));
        }
        for name in ["identifier", "sender"] {
            let (at, text) = self.text(alert, name)?;
            if text.contains(|c: char| c.is_whitespace() || matches!(c, ',' | '<' | '&')) {
                return Err(self.wrong(at, text, "a text without spaces, commas, < and &"));
            }
        }
        let (at, sent) = self.text(alert, "sent")?;
        // the standard wants seconds and an offset in digits, also for UTC
        let whole = sent.len() == "2026-11-23T08:30:00+08:00".len();
        if !whole || sent.parse::<jiff::Timestamp>().is_err() {
            return Err(self.wrong(at, sent, "a time such as 2026-11-23T08:30:00+08:00"));
        }
        for (name, of_payload) in [("status", status), ("msgType", msg_type)] {
            let (at, text) = self.text(alert, name)?;
            if text != of_payload {
                return Err(self.wrong(at, text, &format!("{of_payload}, as the payload says")));
            }
        }
        let scope = self.word(alert, "scope", &SCOPES.map(|(word, _)| word))?;
        let beside = SCOPES.iter().find(|(word, _)| *word == scope).and_then(|(_, needs)| *needs);
        beside.map_or(Ok(()), |needed| self.text(alert, needed).map(drop))?;
        let infos = alert.children().filter(|node| node.has_tag_name((NAMESPACE, "info")));
        infos.into_iter().try_for_each(|info| self.info(info))
    }

    fn info(&self, info: Node<'_, '_>) -> Result<(), String> {
        self.text(info, "event")?;
        WORDS.iter().try_for_each(|(name, words)| self.word(info, name, words).map(drop))
    }

    /// The text of the first child of that name.
    fn text<'a, 'i>(
        &self,
        parent: Node<'a, 'i>,
        name: &str,
    ) -> Result<(Node<'a, 'i>, &'a str), String> {
        let child = parent.children().find(|node| node.has_tag_name((NAMESPACE, name)));
        let text = child.and_then(|node| Some((node, node.text()?.trim())));
        text.filter(|(_, text)| !text.is_empty()).ok_or_else(|| {
            let (place, parent) = (self.place(parent), parent.tag_name().name());
            format!("has no `{name}` in the `{parent}` {place}; valid is one with a text")
        })
    }

    /// The same where only some words are valid.
    fn word<'a>(
        &self,
        parent: Node<'a, '_>,
        name: &str,
        words: &[&str],
    ) -> Result<&'a str, String> {
        let (at, text) = self.text(parent, name)?;
        match words.contains(&text) {
            true => Ok(text),
            false => Err(self.wrong(at, text, &words.join(", "))),
        }
    }

    fn wrong(&self, at: Node<'_, '_>, text: &str, valid: &str) -> String {
        let cut: String = text.chars().take(80).collect();
        let (name, place) = (at.tag_name().name(), self.place(at));
        format!("has `{cut}` as `{name}` {place}; valid is {valid}")
    }

    fn place(&self, node: Node<'_, '_>) -> String {
        let at = self.0.text_pos_at(node.range().start);
        format!("at line {}, column {}", at.row, at.col)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ALERT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>51072241600001_20261123083000_1</identifier>
  <sender>510722</sender>
  <sent>2026-11-23T08:30:00+08:00</sent>
  <status>Exercise</status>
  <msgType>Alert</msgType>
  <scope>Public</scope>
  <info>
    <language>zh-CN</language>
    <category>Met</category>
    <event>暴雨</event>
    <urgency>Expected</urgency>
    <severity>Severe</severity>
    <certainty>Likely</certainty>
    <headline>今夜有暴雨</headline>
  </info>
</alert>"#;

    fn judged(from: &str, to: &str) -> Result<(), String> {
        assert!(ALERT.contains(from), "{from}");
        let body = json!({ "status": "Exercise", "cap": ALERT.replace(from, to) });
        judge(&body).map_err(|refusal| {
            assert_eq!(refusal.pointer.as_deref(), Some("/cap"));
            refusal.message
        })
    }

    #[test]
    fn an_alert_that_agrees_with_its_payload_is_taken_and_none_is_needed() {
        assert_eq!(judged("暴雨", "大风"), Ok(()));
        assert_eq!(judge(&json!({ "text": "x" })), Ok(()));
        let prefixed = ALERT.replace('<', "<c:").replace("<c:/", "</c:").replace("<c:?", "<?");
        let prefixed = prefixed.replace("xmlns=", "xmlns:c=");
        assert_eq!(judge(&json!({ "status": "Exercise", "cap": prefixed })), Ok(()), "{prefixed}");
    }

    #[test]
    fn what_the_standard_or_the_payload_does_not_say_is_refused_with_its_place() {
        for (from, to, says) in [
            ("</alert>", "", "is not well-formed XML"),
            ("<alert xmlns", "<!DOCTYPE a [<!ENTITY e 'x'>]><alert xmlns", "not well-formed"),
            ("cap:1.2", "cap:1.1", "has no `alert` of urn:oasis:names:tc:emergency:cap:1.2"),
            ("<sender>510722</sender>", "", "has no `sender` in the `alert` at line 2, column 1"),
            ("<sender>510722", "<sender>a b", "has `a b` as `sender` at line 4, column 3"),
            ("08:30:00+08:00", "00:30:00Z", "valid is a time such as"),
            (
                ">Exercise<",
                ">Actual<",
                "has `Actual` as `status` at line 6, column 3; valid is Exercise",
            ),
            (">Alert<", ">Cancel<", "valid is Alert, as the payload says"),
            (">Public<", ">Everybody<", "valid is Public, Restricted, Private"),
            (">Public<", ">Private<", "has no `addresses` in the `alert`"),
            ("<event>暴雨</event>", "<event/>", "has no `event` in the `info` at line 9, column 3"),
            (">Met<", ">Rain<", "has `Rain` as `category` at line 11, column 5; valid is Geo, Met"),
            (">Likely<", ">Very Likely<", "as `certainty`"),
        ] {
            let said = judged(from, to).unwrap_err();
            assert!(said.contains(says), "{said}");
        }
    }
}
