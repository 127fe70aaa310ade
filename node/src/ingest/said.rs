//! [`Said`]: what an application answers to a message that was delivered to it: the body of a
//! request on `yz.ack.<message id>` or of `POST /v1/messages/{id}/ack`.

use serde_json::{Map, Value};
use yizhan_schemas::payload::receipt;
use yizhan_schemas::reply::{ErrorCode, Refusal};
use yizhan_schemas::{Answer, MessageId};

/// What stands before the message id in the subject.
pub const SUBJECT_PREFIX: &str = "yz.ack.";
/// Longest body, bytes: a note of the longest kind, escaped, and room to spare.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// An answer, and to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The message.
    pub id: MessageId,
    /// What is said.
    pub answer: Answer,
    /// In words.
    pub remark: Option<String>,
}

impl Said {
    /// Reads an answer to a message. Members that are not known are ignored; a note that is too
    /// long is cut.
    ///
    /// # Errors
    /// `not_found` if there can be no such message, `bad_json`, `schema_invalid`, `too_large`.
    pub fn read(id: &str, body: &[u8]) -> Result<Self, Refusal> {
        let id = MessageId::parse(id)
            .map_err(|bad| Refusal::new(ErrorCode::NotFound, bad.to_string()))?;
        if body.len() > BODY_BYTES_MAX {
            let why = format!("the body is {} bytes long, valid is {BODY_BYTES_MAX}", body.len());
            return Err(Refusal::new(ErrorCode::TooLarge, why));
        }
        let members: Map<String, Value> = serde_json::from_slice(body).map_err(|fault| {
            let why = format!("the body is not a JSON object: {fault}");
            Refusal::new(ErrorCode::BadJson, why)
        })?;
        Ok(Self { id, answer: answer(&members)?, remark: remark(&members)? })
    }
}

fn answer(members: &Map<String, Value>) -> Result<Answer, Refusal> {
    let valid = "valid is acknowledged, completed or failed";
    match members.get("status") {
        None => Err(misfit("/status", format!("status is missing; {valid}"))),
        Some(status) => serde_json::from_value(status.clone())
            .map_err(|_| misfit("/status", format!("status is {}; {valid}", cut(status)))),
    }
}

fn remark(members: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    match members.get("note") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(note)) => Ok(Some(receipt::cut(note)).filter(|note| !note.is_empty())),
        Some(other) => Err(misfit("/note", format!("note is {}; valid is a text", cut(other)))),
    }
}

fn cut(value: &Value) -> String {
    value.to_string().chars().take(80).collect()
}

fn misfit(pointer: &str, message: String) -> Refusal {
    let code = ErrorCode::SchemaInvalid;
    Refusal { code, message, pointer: Some(pointer.to_owned()) }
}
