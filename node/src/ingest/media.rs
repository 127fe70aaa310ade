//! [`Media`]: what a content type says of a body.

use mime::Mime;
use yizhan_schemas::reply::{ErrorCode, Refusal};

/// How a payload is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// JSON: `application/json`, `*/*+json`, or nothing said.
    Json,
    /// MessagePack: `application/msgpack`, `application/vnd.msgpack`.
    MessagePack,
}

/// What a request's body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The payload itself; all else is in headers.
    Payload(Media),
    /// A CloudEvent in JSON.
    Event,
    /// An array of CloudEvents in JSON.
    Batch,
}

impl Media {
    /// What the content type of a payload says.
    ///
    /// # Errors
    /// `unsupported_type` if it is none that is read here.
    pub fn of(content_type: Option<&str>) -> Result<Self, Refusal> {
        let Some(text) = content_type else { return Ok(Self::Json) };
        let mime: Mime = text.trim().parse().map_err(|_| unsupported(text))?;
        let utf8 = mime.get_param(mime::CHARSET).is_none_or(|charset| charset == mime::UTF_8);
        let json = mime.subtype() == mime::JSON || mime.suffix() == Some(mime::JSON);
        match mime.essence_str() {
            essence if essence.starts_with("application/cloudevents") => Err(unsupported(text)),
            _ if json && utf8 => Ok(Self::Json),
            "application/msgpack" | "application/vnd.msgpack" => Ok(Self::MessagePack),
            _ => Err(unsupported(text)),
        }
    }
}

impl Form {
    /// What the content type of a request says.
    ///
    /// # Errors
    /// `unsupported_type` if it is none that is read here.
    pub fn of(content_type: Option<&str>) -> Result<Self, Refusal> {
        let mime = content_type.and_then(|text| text.trim().parse::<Mime>().ok());
        let utf8 = |mime: &Mime| {
            mime.get_param(mime::CHARSET).is_none_or(|charset| charset == mime::UTF_8)
        };
        match mime.as_ref().filter(|mime| utf8(mime)).map(Mime::essence_str) {
            Some("application/cloudevents+json") => Ok(Self::Event),
            Some("application/cloudevents-batch+json") => Ok(Self::Batch),
            _ => Media::of(content_type).map(Self::Payload),
        }
    }
}

fn unsupported(text: &str) -> Refusal {
    let cut: String = text.chars().take(80).collect();
    Refusal::new(
        ErrorCode::UnsupportedType,
        format!(
            "content type `{cut}` is not read here; valid are application/json in UTF-8, \
             application/msgpack, and CloudEvents as application/cloudevents+json or (HTTP only) \
             application/cloudevents-batch+json"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_are_told_apart_whatever_their_case_and_parameters() {
        for (text, form) in [
            (None, Form::Payload(Media::Json)),
            (Some("application/json"), Form::Payload(Media::Json)),
            (Some("Application/JSON; charset=UTF-8"), Form::Payload(Media::Json)),
            (Some("application/geo+json"), Form::Payload(Media::Json)),
            (Some("application/msgpack"), Form::Payload(Media::MessagePack)),
            (Some("application/vnd.msgpack"), Form::Payload(Media::MessagePack)),
            (Some("application/cloudevents+json; charset=utf-8"), Form::Event),
            (Some("APPLICATION/CloudEvents+JSON"), Form::Event),
            (Some("application/cloudevents-batch+json"), Form::Batch),
        ] {
            assert_eq!(Form::of(text), Ok(form), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_read_here_is_refused_by_name() {
        for text in [
            "text/plain",
            "application/json; charset=gb18030",
            "application/cloudevents+json; charset=gb18030",
            "application/cloudevents+xml",
            "application/cloudevents",
            "application/x-www-form-urlencoded",
            "nonsense",
            "",
        ] {
            let refusal = Form::of(Some(text)).unwrap_err();
            assert_eq!(refusal.code, ErrorCode::UnsupportedType, "{text}");
            assert!(refusal.message.starts_with(&format!("content type `{text}` is not read")));
        }
    }
}
