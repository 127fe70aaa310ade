//! Any request gives a draft or a refusal, and a draft's payload is the body.

use proptest::prelude::*;
use yizhan::ingest::cloudevent::Post;
use yizhan::ingest::{Headers, cloudevent, nats};

use super::bodies;

fn any_header() -> impl Strategy<Value = (String, String)> {
    let name = prop::sample::select(vec![
        "Yz-To",
        "Yz-Precedence",
        "Yz-Ttl",
        "Yz-Wait",
        "Nats-Msg-Id",
        "Nats-Request-Info",
        "Content-Type",
        "traceparent",
        "ce-id",
        "ce-source",
        "ce-type",
        "ce-specversion",
        "ce-time",
        "ce-yzto",
        "ce-datacontenttype",
        "ce-",
    ]);
    let value = prop_oneof![
        "\\PC{0,30}",
        prop::sample::select(vec![
            "up",
            "1.0",
            "case.note",
            "application/json",
            "application/msgpack",
            "application/cloudevents+json",
            "application/cloudevents-batch+json",
            "30s",
            "%e4",
            "delivered;1s",
            "{\"user\":\"a\"}",
        ])
        .prop_map(str::to_owned),
    ];
    (name.prop_map(str::to_owned), value)
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        "[\\[{]{0,3}(\"(id|source|type|data|specversion)\": ?(\"1.0\"|7|null|\\{\\}),? ?){0,5}[}\\]]{0,3}"
            .prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn any_request_is_a_draft_or_a_refusal(
        pairs in prop::collection::vec(any_header(), 0..6),
        body in any_body(),
    ) {
        thread_local! { static BODIES: yizhan::ingest::Bodies = bodies(); }
        BODIES.with(|bodies| {
            let headers: Headers = pairs.into_iter().collect();
            let structured = headers.get("Content-Type").is_some_and(|text| text.contains("event"));
            if let Ok(read) = nats::read("yz.submit.case.note", &headers, body.clone().into(), bodies)
                && !structured
            {
                prop_assert_eq!(&read.draft.payload[..], &body[..]);
            }
            if let Ok(Post::One(draft)) = cloudevent::read(&headers, body.clone().into(), bodies)
                && !structured
            {
                prop_assert_eq!(&draft.payload[..], &body[..]);
            }
            Ok(())
        })?;
    }
}
