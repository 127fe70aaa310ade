//! [`Parts`]: what both carriers hand over, and the draft that is made of it.

use bytes::Bytes;
use yizhan_core::draft::{Draft, Known};
use yizhan_core::record::PublisherKey;
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::reply::{ErrorCode, Refusal};
use yizhan_schemas::{Kind, Lane, Selector};

use super::asked::{self, Place};
use super::attributes::Attributes;
use super::body::Bodies;
use super::media::Media;

/// Most bytes of all that travels beside the payload. An envelope's header has room for twice as
/// much ([`yizhan_schemas::envelope::HEADER_BYTES_MAX`]); the rest is the station's own.
const BESIDE_BYTES_MAX: usize = yizhan_schemas::envelope::HEADER_BYTES_MAX / 2;

/// Where the payload stood in the request, to say where in the request a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// It is the body.
    Body,
    /// It is the member `data` of an event.
    Data,
    /// It is in the member `data_base64` of an event: no pointer leads into it.
    Encoded,
}

/// A message as a carrier understood it, body not yet checked.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) kind: Kind,
    pub(super) to: Option<Selector>,
    pub(super) precedence: Option<Lane>,
    pub(super) ttl_ms: Option<u64>,
    pub(super) content_type: Option<String>,
    pub(super) traceparent: Option<String>,
    /// Scope and key.
    pub(super) key: Option<(String, String)>,
    pub(super) attributes: Attributes,
    pub(super) payload: Bytes,
    pub(super) at: At,
}

impl At {
    fn moved(self, mut refusal: Refusal) -> Refusal {
        let inside = refusal.pointer.take();
        refusal.pointer = match self {
            Self::Body => inside,
            Self::Data => inside.map(|pointer| format!("/data{pointer}")),
            Self::Encoded => Some("/data_base64".to_owned()),
        };
        refusal
    }
}

impl Parts {
    /// Takes the extensions that CloudEvents carry for us out of the attributes; what is set
    /// already (by headers) stays.
    pub(super) fn with_extensions(mut self) -> Result<Self, Refusal> {
        if let Some(text) = self.attributes.take("yzto").filter(|_| self.to.is_none()) {
            self.to = Some(Place::Attribute("yzto").selector(&text)?);
        }
        if let Some(text) =
            self.attributes.take("yzprecedence").filter(|_| self.precedence.is_none())
        {
            self.precedence = Some(Place::Attribute("yzprecedence").precedence(&text)?);
        }
        if let Some(text) = self.attributes.take("yzttl").filter(|_| self.ttl_ms.is_none()) {
            self.ttl_ms = Some(Place::Attribute("yzttl").ttl_ms(&text)?);
        }
        Ok(self)
    }

    /// Checks the body and all else, and makes the draft.
    ///
    /// # Errors
    /// With the code and the pointer of whatever is wrong first.
    pub(super) fn draft(mut self, bodies: &Bodies) -> Result<Draft, Refusal> {
        let media = Media::of(self.content_type.as_deref())?;
        let checked = bodies.check(&self.kind, media, &self.payload);
        let checked = checked.map_err(|refusal| self.at.moved(refusal))?;
        self.fits()?;
        let ce_time = self.attributes.take("time");
        if let Some(text) = ce_time.as_ref().filter(|text| !bodies.is_instant(text)) {
            let cut: String = text.chars().take(80).collect();
            return Err(Place::Attribute("time").misshapen(format!(
                "`{cut}` is not an RFC 3339 time with offset, as in 2026-11-23T08:30:00+08:00"
            )));
        }
        let creation = self.attributes.get("traceparent").and_then(asked::traceparent);
        for said_elsewhere in ["specversion", "type", "datacontenttype"] {
            self.attributes.take(said_elsewhere);
        }
        let body = self.key.is_some().then(|| Digest::of(&self.payload));
        let key = self.key.zip(body);
        Ok(Draft {
            kind: self.kind,
            to: self.to,
            precedence: self.precedence,
            ttl_ms: self.ttl_ms,
            // absent means JSON in every envelope: thin links need not carry what goes without
            // saying
            content_type: self.content_type.filter(|text| text != "application/json"),
            payload: self.payload,
            severity: checked.severity,
            not_before_ms: checked.not_before_ms,
            wants: checked.wants,
            traceparent: self.traceparent.or(creation),
            ce_id: self.attributes.take("id"),
            ce_source: self.attributes.take("source"),
            ce_time,
            ce_extensions: self.attributes.rest(),
            key: key.map(|((scope, key), body)| PublisherKey { scope, key, body }),
            known: Known::default(),
        })
    }

    fn fits(&self) -> Result<(), Refusal> {
        let to = self.to.as_ref().map_or(0, |to| to.to_string().len());
        let content_type = self.content_type.as_ref().map_or(0, String::len);
        let key = self.key.as_ref().map_or(0, |(scope, key)| scope.len() + key.len());
        let bytes = self.attributes.bytes() + to + content_type + key;
        if bytes <= BESIDE_BYTES_MAX {
            return Ok(());
        }
        Err(Refusal::new(
            ErrorCode::TooLarge,
            format!(
                "address, key and attributes are {bytes} bytes long; at most {BESIDE_BYTES_MAX} \
                 are taken: what is longer belongs into the payload"
            ),
        ))
    }
}
