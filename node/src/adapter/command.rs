//! [`Command`]: what an adapter is asked, made of a message.

use std::time::Duration;

use bytes::Bytes;
use yizhan_schemas::Envelope;
use yizhan_schemas::payload::video::{DeviceId, Dispatch, Order, Request};

use crate::bus::subjects;

/// What an adapter is asked, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// Where the device's adapter answers.
    pub(super) subject: String,
    /// Which device.
    pub(super) device: DeviceId,
    /// What it is to do.
    pub(super) order: Order,
    /// The message.
    pub(super) id: String,
    /// With which settings.
    pub(super) params: serde_json::Map<String, serde_json::Value>,
}

impl Command {
    /// The command in a message.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub(super) fn of(envelope: &Envelope) -> Result<Self, String> {
        let header = envelope.header();
        let dispatch = Dispatch::read(header.content_type.as_deref(), envelope.payload())?;
        let Dispatch { device_id: device, command: order, params, .. } = dispatch;
        let subject = subjects::video(&device.to_string())
            .ok_or_else(|| format!("device_id {device} makes no subject"))?;
        Ok(Self { subject, device, order, id: header.id().to_string(), params })
    }

    /// The request's body.
    ///
    /// # Errors
    /// It has no JSON form.
    pub(super) fn body(&self, good_for: Duration) -> Result<Bytes, String> {
        let request = Request {
            id: self.id.clone(),
            command: self.order,
            params: self.params.clone(),
            deadline_ms: u64::try_from(good_for.as_millis()).unwrap_or(u64::MAX),
        };
        serde_json::to_vec(&request).map(Bytes::from).map_err(|fault| fault.to_string())
    }
}
