//! Every subject that a station uses, in one place; §5 and §7 of the design fix them.
//!
//! Codes and ids are checked types, so a subject made here has no wildcard and no space in it.
//! A code is several tokens and always stands last: `yz.up.510722.101` is the link of 510722.101.

use yizhan_schemas::{Code, Kind, MessageId};

/// The stream of delivered messages.
pub const INBOX_STREAM: &str = "YZ_INBOX";
/// Delivered messages.
pub const INBOX_ALL: &str = "yz.inbox.>";
/// Requests of publishers.
pub const SUBMIT_ALL: &str = "yz.submit.>";
/// Answers of applications to directives. Ids contain dots, so `*` would not do.
pub const ACK_ALL: &str = "yz.ack.>";
/// The children's lossy state reports.
pub const STATUS_ALL: &str = "yz.status.>";
/// Where our own server is asked for connections that are closed.
pub const CLOSED: &str = "$SYS.REQ.SERVER.PING.CONNZ";
/// Requests to video adapters.
pub const VIDEO_ALL: &str = "yz.video.*";
/// Requests to broadcast adapters.
pub const BROADCAST_ALL: &str = "yz.broadcast.*";

/// Child to parent, on the parent's bus: hello, frames, acks, answers to queries.
pub fn up(child: &Code) -> String {
    format!("yz.up.{child}")
}

/// Parent to child, on the parent's bus: nudge, frames, acks.
pub fn down(child: &Code) -> String {
    format!("yz.down.{child}")
}

/// Child to parent: link state, backlog, versions; lossy.
pub fn status(child: &Code) -> String {
    format!("yz.status.{child}")
}

/// Parent to child: trace, status and spool queries.
pub fn query(child: &Code) -> String {
    format!("yz.query.{child}")
}

/// Where a publisher requests.
pub fn submit(kind: &Kind) -> String {
    format!("yz.submit.{kind}")
}

/// Where an application finds messages of one kind from one origin.
pub fn inbox(kind: &Kind, origin: &Code) -> String {
    format!("yz.inbox.{kind}.{origin}")
}

/// Where an application answers a directive.
pub fn ack(message: &MessageId) -> String {
    format!("yz.ack.{message}")
}

/// Where a video adapter answers for a device; `None` if the id is no subject token.
pub fn video(device: &str) -> Option<String> {
    token(device).map(|id| format!("yz.video.{id}"))
}

/// Where a broadcast adapter answers for a device; `None` if the id is no subject token.
pub fn broadcast(device: &str) -> Option<String> {
    token(device).map(|id| format!("yz.broadcast.{id}"))
}

/// Where answers to a station's own requests come back: its own prefix on every bus, so that no
/// neighbour can listen in. Siblings differ in their last token, so the dots may go.
pub fn inbox_prefix(station: &Code) -> String {
    format!("_INBOX_{}", station.as_str().replace('.', "_"))
}

/// The child that a subject of [`STATUS_ALL`] speaks of.
pub fn child_of_status(subject: &str) -> Option<Code> {
    subject.strip_prefix("yz.status.").and_then(|code| Code::parse(code).ok())
}

/// The kind that a subject of [`SUBMIT_ALL`] asks for; `None` if it is not a kind.
pub fn kind_of_submit(subject: &str) -> Option<Kind> {
    subject.strip_prefix("yz.submit.").and_then(|kind| Kind::parse(kind).ok())
}

/// The message that a subject of [`ACK_ALL`] answers; `None` if it is not an id.
pub fn message_of_ack(subject: &str) -> Option<MessageId> {
    subject.strip_prefix("yz.ack.").and_then(|id| MessageId::parse(id).ok())
}

fn token(text: &str) -> Option<&str> {
    let plain = text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'.' | b'*' | b'>'));
    (!text.is_empty() && plain).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_subject_can_be_read_out_of_it() {
        let village = Code::parse("510722.101.002").unwrap();
        let kind = Kind::parse("incident.report").unwrap();
        let id = MessageId::parse("510722.101.002-b7k2qf-r1042").unwrap();
        assert_eq!(child_of_status(&status(&village)), Some(village.clone()));
        assert_eq!(kind_of_submit(&submit(&kind)), Some(kind.clone()));
        assert_eq!(message_of_ack(&ack(&id)), Some(id));
        assert_eq!(inbox(&kind, &village), "yz.inbox.incident.report.510722.101.002");
        assert_eq!(inbox_prefix(&village), "_INBOX_510722_101_002");
        assert_eq!(child_of_status("yz.status."), None);
        assert_eq!(kind_of_submit("yz.submit.incident"), None);
    }

    #[test]
    fn a_device_id_cannot_smuggle_a_wildcard_into_a_subject() {
        assert_eq!(video("34020000001320000001").unwrap(), "yz.video.34020000001320000001");
        for id in ["", "*", ">", "a.b", "a b", "a\r\nPUB", "摄像头"] {
            assert_eq!(video(id), None, "{id}");
            assert_eq!(broadcast(id), None, "{id}");
        }
    }
}
