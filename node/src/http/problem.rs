//! [`Problem`]: what went wrong, as RFC 9457 writes it.

use std::fmt;
use std::time::Duration;

use axum::Extension;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use yizhan_schemas::reply::{ErrorCode, Refusal};

/// The media type of a problem.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// A problem. `code` is what programs go by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// When to try again, where that makes sense.
    #[serde(skip)]
    retry_after_s: u64,
    /// Whoever found it has written it down already.
    #[serde(skip)]
    noted: bool,
}

/// What somebody was told, beside the response, for those who count and write it down.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) code: &'static str,
    pub(super) detail: String,
    pub(super) noted: bool,
}

impl Problem {
    fn new(code: &'static str, title: &'static str, status: u16, detail: String) -> Self {
        Self {
            kind: format!("urn:yizhan:problem:{code}"),
            title,
            status,
            detail,
            code,
            pointer: None,
            retry_after_s: 1,
            noted: false,
        }
    }

    /// A refusal that was counted and written down where it was decided.
    pub(super) fn noted(refusal: Refusal) -> Self {
        Self { noted: true, ..refusal.into() }
    }

    /// Too many wrong tokens.
    pub(super) fn too_many_guesses(wait: Duration) -> Self {
        let words = "too many wrong tokens came from this address; the right one is still taken";
        Self { retry_after_s: wait.as_secs().max(1), ..Self::of(ErrorCode::RateLimited, words) }
    }

    /// A problem with a code of the contract.
    pub(super) fn of(code: ErrorCode, detail: impl Into<String>) -> Self {
        Refusal::new(code, detail).into()
    }

    /// The path is there, the method is not.
    pub(super) fn method(detail: String) -> Self {
        Self::new("method_not_allowed", "No such method here", 405, detail)
    }

    /// The body did not come in time.
    pub(super) fn timeout(detail: String) -> Self {
        Self::new("timeout", "The request took too long", 408, detail)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let code = refusal.code;
        let new = Self::new(code.as_str(), title(code), code.http_status(), refusal.message);
        Self { pointer: refusal.pointer, ..new }
    }
}

fn title(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::BadJson => "The body cannot be read",
        ErrorCode::SchemaInvalid => "The message does not have the form it must have",
        ErrorCode::UnknownKind => "No such kind of message",
        ErrorCode::BadSelector => "The address cannot be understood",
        ErrorCode::ToMissing => "The message has no address",
        ErrorCode::Unauthorized => "Credentials are missing or wrong",
        ErrorCode::Forbidden => "Not allowed",
        ErrorCode::NotFound => "Not found",
        ErrorCode::IdConflict => "The same id was used for another body",
        ErrorCode::TooLarge => "Too large",
        ErrorCode::UnsupportedType => "This content type is not read here",
        ErrorCode::RateLimited => "Too many at once",
        ErrorCode::SpoolFull => "No room to keep the message",
        ErrorCode::ShuttingDown => "The station is stopping",
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut headers = HeaderMap::new();
        let mut set = |name: HeaderName, value: HeaderValue| {
            headers.insert(name, value);
        };
        set(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        match self.status {
            401 => set(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"yizhan\"")),
            429 | 503 => set(RETRY_AFTER, self.retry_after_s.into()),
            _ => {}
        }
        let told = Told { code: self.code, detail: self.detail.clone(), noted: self.noted };
        // texts and numbers always have a JSON form
        let body = serde_json::to_vec(&self).unwrap_or_default();
        (status, Extension(told), headers, body).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::super::pages::DESCRIPTION;
    use super::*;

    #[test]
    fn the_description_lists_codes_that_there_are() {
        let document: serde_json::Value = serde_json::from_str(DESCRIPTION).unwrap();
        let listed = &document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"];
        let (own, of_contract): (Vec<_>, Vec<_>) = listed
            .as_array()
            .unwrap()
            .iter()
            .partition(|code| serde_json::from_value::<ErrorCode>((*code).clone()).is_err());
        assert_eq!(own, ["method_not_allowed", "timeout"]);
        assert_eq!(of_contract.len(), 14);
    }
}
