//! What an adapter's reply, or its silence, says of a command.

use yizhan_core::input::Attempted;
use yizhan_schemas::payload::video::Reply;

use crate::bus::{BusError, Message};

/// The codes of a reply that says no.
const NO_SUCH_DEVICE: &str = "no_such_device";

/// What came of a request.
pub(super) fn of(answer: Result<Message, BusError>) -> Attempted {
    match answer {
        Ok(message) => of_reply(&message.payload),
        Err(BusError::NoResponders { .. }) => Attempted::NoAdapter,
        Err(BusError::Unsendable { why, .. }) => Attempted::Unfit(why),
        // it may have been received before the silence, or before the connection broke
        Err(_) => Attempted::Unknown,
    }
}

fn of_reply(body: &[u8]) -> Attempted {
    let reply: Reply = match serde_json::from_slice(body) {
        Ok(reply) => reply,
        Err(fault) => return Attempted::Failed(format!("the adapter's reply is none: {fault}")),
    };
    if reply.ok {
        let result = Some(reply.result).filter(|result| !result.is_empty());
        return Attempted::Done(result.and_then(|result| serde_json::to_string(&result).ok()));
    }
    let code = reply.code.unwrap_or_else(|| "failed".to_owned());
    let said = reply.error.unwrap_or_default();
    match (code.as_str(), said.is_empty()) {
        (NO_SUCH_DEVICE, _) => Attempted::NoSuchDevice(said),
        (_, true) => Attempted::Failed(code),
        (_, false) => Attempted::Failed(format!("{code}: {said}")),
    }
}

/// The word in metrics.
pub(super) fn word(result: &Attempted) -> &'static str {
    match result {
        Attempted::Done(_) => "done",
        Attempted::NoSuchDevice(_) => NO_SUCH_DEVICE,
        Attempted::NoAdapter => "no_adapter",
        Attempted::Failed(_) => "failed",
        Attempted::Expired => "expired",
        Attempted::Unknown => "unknown",
        Attempted::Forbidden(_) => "forbidden",
        Attempted::Unfit(_) => "unfit",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_says_what_the_device_did() {
        let text = |text: &str| text.to_owned();
        for (reply, result) in [
            (r#"{"ok":true}"#, Attempted::Done(None)),
            (r#"{"ok":true,"result":{"url":"rtsp://x"}}"#, {
                Attempted::Done(Some(text(r#"{"url":"rtsp://x"}"#)))
            }),
            (r#"{"ok":false,"code":"no_such_device","error":"not in the catalogue"}"#, {
                Attempted::NoSuchDevice(text("not in the catalogue"))
            }),
            (r#"{"ok":false,"code":"busy","error":"three viewers"}"#, {
                Attempted::Failed(text("busy: three viewers"))
            }),
            (r#"{"ok":false}"#, Attempted::Failed(text("failed"))),
        ] {
            assert_eq!(of_reply(reply.as_bytes()), result, "{reply}");
        }
        assert!(matches!(of_reply(b"done!"), Attempted::Failed(why) if why.contains("none")));
    }

    #[test]
    fn silence_is_not_taken_for_a_refusal() {
        let subject = || "yz.video.1".to_owned();
        let silent = BusError::Timeout { subject: subject(), within: Default::default() };
        assert_eq!(of(Err(silent)), Attempted::Unknown);
        assert_eq!(of(Err(BusError::NoResponders { subject: subject() })), Attempted::NoAdapter);
        let broken = BusError::Disconnected { url: "nats://x".to_owned() };
        assert_eq!(of(Err(broken)), Attempted::Unknown);
    }
}
