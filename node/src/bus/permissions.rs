//! Who may say and hear what on a station's bus: the tables of §4 and §11 of the design.
//!
//! Promise: a child reaches its own four subjects and nothing else; an application can submit,
//! answer, and consume `YZ_INBOX`, and can neither write into it, manage it, nor touch a link. The
//! node itself has no table: in its two accounts it may do everything.
//!
//! What no table can stop: whoever may create a consumer may create a *push* consumer, and the
//! server delivers to its `deliver_subject` with its own rights. It refuses `yz.inbox.>` (a cycle)
//! and ignores subjects without a subscriber, but `yz.video.*` has some. Such a delivery still
//! carries its subject `yz.inbox.…`, so an adapter must look at the subject of what it gets.

use serde_json::{Value, json};
use yizhan_schemas::Code;

use super::subjects;

/// What an application may publish; tried on nats-server 2.15.1.
const APPLICATION_PUBLISHES: [&str; 12] = [
    subjects::SUBMIT_ALL,
    subjects::ACK_ALL,
    "$JS.API.INFO",
    "$JS.API.STREAM.INFO.YZ_INBOX",
    "$JS.API.STREAM.NAMES",
    "$JS.API.CONSUMER.*.YZ_INBOX",
    "$JS.API.CONSUMER.*.YZ_INBOX.>",
    "$JS.API.CONSUMER.MSG.NEXT.YZ_INBOX.>",
    "$JS.API.CONSUMER.DURABLE.CREATE.YZ_INBOX.>",
    "$JS.ACK.YZ_INBOX.>",
    // the form of 2.15 and later, with domain and account
    "$JS.ACK.*.*.YZ_INBOX.>",
    "$SRV.>",
];

/// The table of a child station in the account of the links.
pub(super) fn of_child(code: &Code) -> Value {
    let own_inbox = format!("{}.>", subjects::inbox_prefix(code));
    json!({
        "publish": { "allow": [subjects::up(code), subjects::status(code)] },
        "subscribe": { "allow": [subjects::down(code), subjects::query(code), own_inbox] },
    })
}

/// The table of an application, with the prefix of its inboxes.
pub(super) fn of_application(inbox_prefix: &str) -> Value {
    let own_inbox = format!("{inbox_prefix}.>");
    json!({
        "publish": { "allow": APPLICATION_PUBLISHES },
        "subscribe": { "allow": [own_inbox, subjects::VIDEO_ALL, subjects::BROADCAST_ALL] },
        // an adapter answers to the reply subject of a request, once, and to no other
        "allow_responses": true,
    })
}
