//! Who may say and hear what on a station's bus: the tables of §4 and §11 of the design.
//!
//! Promise: a child reaches its own four subjects and nothing else; an application reaches what
//! its rights say and nothing else:
//!
//! | right | publishes | hears |
//! |---|---|---|
//! | publisher | `yz.submit.>` | |
//! | subscriber | `yz.ack.>`, and what it takes to consume `YZ_INBOX` | |
//! | adapter | answers to requests, once each | `yz.video.*`, `yz.broadcast.*` |
//! | any | `$SRV.>`: which services there are | its own inboxes |
//!
//! None can write into the inbox, manage it, or touch a link. The node itself has no table: in its
//! two accounts it may do everything.
//!
//! What no table can stop: where one says `yz.video.*`, the server (2.15.1) lets `yz.video.>` be
//! subscribed to as well, as it takes the `>` for one token; nothing is published below a device's
//! id. And whoever may create a consumer may create a *push* consumer, and the
//! server delivers to its `deliver_subject` with its own rights. It refuses `yz.inbox.>` (a cycle)
//! and ignores subjects without a subscriber, but `yz.video.*` has some. Such a delivery still
//! carries its subject `yz.inbox.…`, so an adapter must look at the subject of what it gets.

use serde_json::{Value, json};
use yizhan_schemas::Code;
use yizhan_topology::Right;

use super::subjects;

/// What it takes to consume the inbox and to answer what is in it; tried on nats-server 2.15.1.
const SUBSCRIBER_PUBLISHES: [&str; 10] = [
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
];

/// The table of a child station in the account of the links.
pub(super) fn of_child(code: &Code) -> Value {
    let own_inbox = format!("{}.>", subjects::inbox_prefix(code));
    json!({
        "publish": { "allow": [subjects::up(code), subjects::status(code)] },
        "subscribe": { "allow": [subjects::down(code), subjects::query(code), own_inbox] },
    })
}

/// The table of the node in the server's system account: one question.
pub(super) fn of_watch(station: &Code) -> Value {
    let own_inbox = format!("{}.>", subjects::inbox_prefix(station));
    json!({
        "publish": { "allow": [subjects::CLOSED] },
        "subscribe": { "allow": [own_inbox] },
    })
}

/// The table of an application, with the prefix of its inboxes.
pub(super) fn of_application(inbox_prefix: &str, rights: &[Right]) -> Value {
    let mut publish = vec!["$SRV.>"];
    let mut subscribe = vec![format!("{inbox_prefix}.>")];
    for right in rights {
        match right {
            Right::Publisher => publish.push(subjects::SUBMIT_ALL),
            Right::Subscriber => publish.extend(SUBSCRIBER_PUBLISHES),
            Right::Adapter => {
                subscribe.extend([subjects::VIDEO_ALL, subjects::BROADCAST_ALL].map(str::to_owned));
            }
        }
    }
    let mut table = json!({ "publish": { "allow": publish }, "subscribe": { "allow": subscribe } });
    if let (true, Some(table)) = (rights.contains(&Right::Adapter), table.as_object_mut()) {
        // an adapter answers to the reply subject of a request, once, and to no other
        table.insert("allow_responses".to_owned(), json!(true));
    }
    table
}
