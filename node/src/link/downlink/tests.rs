//! Many children at once, at a real bus with a pretend core.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use tempfile::TempDir;
use yizhan_core::fill::Reading;
use yizhan_schemas::frame::{Chain, Frame, Hello, LinkEpoch, Offer, RefusalReason, Refused};
use yizhan_schemas::{Epoch, Lane, PerLane, StoreId};

use super::*;
use crate::bus::{Listen, ManagedPlan, OwnBus, Patience};
use crate::mailbox::{self, Letter};

/// As many as the county's villages: all of them at one parent.
const CHILDREN: u64 = 462;
const SOON: Duration = Duration::from_secs(60);

struct NoLegs;

impl LegSource for NoLegs {
    fn legs(
        &self,
        _: &Link,
        _: Lane,
        _: u64,
        _: u64,
        _: &mut dyn FnMut(Reading) -> bool,
    ) -> Result<(), String> {
        Ok(())
    }

    fn chain_at(&self, _: &Link, _: Lane, _: u64) -> Option<Chain> {
        None
    }
}

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

fn child(number: u64) -> Code {
    code(&format!("510722.{number:03}"))
}

fn hello(child: &Code, counter: u64) -> bytes::Bytes {
    let epoch = Epoch::from_random(1);
    let offer = Offer {
        link_epoch: LinkEpoch { epoch, n: 1 },
        start: 1,
        start_chain: Chain::default(),
        next: 1,
    };
    let hello = Hello {
        version: 2,
        code: child.clone(),
        formerly: None,
        store: StoreId::from_random(1),
        epoch,
        counter,
        boot_ms: 1,
        boot: None,
        offers: PerLane::from_fn(|_| offer),
        haves: PerLane::default(),
        dictionaries: Vec::new(),
        software: "a test".to_owned(),
    };
    Frame::Hello(hello).encode().unwrap()
}

fn refusal(counter: u64) -> Frame {
    let reason = RefusalReason::Stale;
    Frame::Refused(Refused { reason, message: String::new(), counter })
}

/// A bus on which whoever has the node's key speaks as any child.
async fn managed(directory: &TempDir, here: &Code) -> OwnBus {
    let plan = ManagedPlan {
        station: here.clone(),
        directory: directory.path().join("bus"),
        listen: Listen::parse("127.0.0.1:0").unwrap(),
        server_path: None,
        children: vec![],
        applications: vec![],
        open: false,
        inbox_bytes_max: 1024 * 1024,
        connections_max: 1024,
        patience: Patience::default(),
        tls: None,
    };
    OwnBus::managed(plan).await.unwrap()
}

#[tokio::test]
async fn a_whole_county_that_comes_back_at_once_is_answered_and_one_that_hammers_is_heard_once() {
    let directory = TempDir::new().unwrap();
    let here = code("510722");
    let bus = managed(&directory, &here).await;
    let (node, outside) = (bus.link(&here).await.unwrap(), bus.link(&here).await.unwrap());
    for client in [&node, &outside] {
        client.ready(SOON).await.unwrap();
    }
    let (mailbox, mut letters) = mailbox::open();
    let boot = BootId(1);
    let (legs, seals) = (Arc::new(NoLegs), Seals::none());
    let audit = crate::audit::Audit::none();
    let (board, _) = Board::open();
    let downlinks = Downlinks { client: node.clone(), legs, seals, boot, mailbox, audit, board };
    let queues = (0..CHILDREN).map(|number| (child(number), mpsc::channel(1).1)).collect();
    let running = tokio::spawn(downlinks.run(queues));

    // a hello before anything else, until somebody listens to the last one, and so to all
    let first = child(CHILDREN - 1);
    let asked = async {
        while let Err(BusError::NoResponders { .. }) =
            outside.request(&subjects::up(&first), hello(&first, 1), SOON).await
        {}
    };
    let answered = async {
        if let Some(Letter::Greet { answer, .. }) = letters.recv().await {
            let _ = answer.send(refusal(1));
        }
    };
    tokio::join!(asked, answered);

    // a child that says hello again and again, without waiting for an answer
    const TIMES: u64 = 50;
    let hammering = (1..TIMES).map(|counter| {
        let (client, first) = (outside.clone(), first.clone());
        async move {
            let short = Duration::from_millis(1);
            let _ = client.request(&subjects::up(&first), hello(&first, counter), short).await;
        }
    });
    join_all(hammering).await;
    let children = (0..CHILDREN).map(child);
    let all = children.map(|child| {
        let client = outside.clone();
        async move { client.request(&subjects::up(&child), hello(&child, TIMES), SOON).await }
    });
    let mut early = Vec::new();
    let core = async {
        // none is answered before all have asked: the core is busy with its disk
        let (mut waiting, mut heard) = (Vec::new(), BTreeSet::new());
        while heard.len() < CHILDREN as usize {
            let Some(Letter::Greet { from, hello, answer }) = letters.recv().await else {
                panic!()
            };
            if hello.counter == TIMES {
                heard.insert(from);
                waiting.push(answer);
            } else if from == first {
                early.push(answer);
            }
        }
        let abandoned = early.iter().filter(|answer| answer.is_closed()).count();
        assert_eq!(abandoned, early.len(), "only the last hello of a child is worth an answer");
        for answer in waiting {
            let _ = answer.send(refusal(TIMES));
        }
    };
    let (answers, ()) =
        tokio::time::timeout(SOON, async { tokio::join!(join_all(all), core) }).await.unwrap();
    for answer in answers {
        let frame = Frame::decode(&answer.unwrap().payload).unwrap();
        assert!(matches!(frame, Frame::Refused(refused) if refused.counter == TIMES));
    }
    running.abort();
    bus.stop().await;
}

#[tokio::test]
async fn a_hello_behind_many_frames_is_answered_and_one_behind_a_flood_is_once_the_flood_is_over() {
    let directory = TempDir::new().unwrap();
    let here = code("510722");
    let bus = managed(&directory, &here).await;
    let (node, outside) = (bus.link(&here).await.unwrap(), bus.link(&here).await.unwrap());
    for client in [&node, &outside] {
        client.ready(SOON).await.unwrap();
    }
    let (mailbox, mut letters) = mailbox::open();
    let (legs, seals) = (Arc::new(NoLegs), Seals::none());
    let (boot, audit) = (BootId(1), crate::audit::Audit::none());
    let (board, _) = Board::open();
    let downlinks = Downlinks { client: node.clone(), legs, seals, boot, mailbox, audit, board };
    // kept, so that the child's carrier lives
    let (_orders, queue) = mpsc::channel(1);
    let running = tokio::spawn(downlinks.run([(child(0), queue)].into()));
    let core = tokio::spawn(async move {
        while let Some(letter) = letters.recv().await {
            if let Letter::Greet { hello, answer, .. } = letter {
                let _ = answer.send(refusal(hello.counter));
            }
        }
    });
    let subject = subjects::up(&child(0));
    let asks = async |counter| {
        let answered = async {
            loop {
                let asked =
                    outside.request(&subject, hello(&child(0), counter), Duration::from_secs(1));
                if let Ok(answer) = asked.await {
                    return answer;
                }
            }
        };
        let answer = tokio::time::timeout(SOON, answered).await.unwrap();
        assert_eq!(Frame::decode(&answer.payload).unwrap(), refusal(counter));
    };
    asks(1).await;
    let frame = |bytes: usize| bytes::Bytes::from(vec![0xc1; bytes]);
    // far more frames than hellos that there may be
    for _ in 0..1000 {
        outside.publish(&subject, frame(1)).await.unwrap();
    }
    let once = outside.request(&subject, hello(&child(0), 2), SOON).await.unwrap();
    assert_eq!(Frame::decode(&once.payload).unwrap(), refusal(2));
    for _ in 0..500 {
        outside.publish(&subject, frame(1000 * 1024)).await.unwrap();
    }
    asks(3).await;
    running.abort();
    core.abort();
    bus.stop().await;
}
