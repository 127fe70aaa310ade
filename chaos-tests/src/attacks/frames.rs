//! Frames that are none, or that say more than they hold: from a stolen village box, with its key.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use super::attack::{Attack, Ended};
use super::ground::{Ground, THIEF, TOWN, VILLAGE};
use super::raw_bus::RawBus;
use super::raw_frame::{Frame, Header, Hello, Packing, Record, body};
use super::raw_link::{EPOCH, RawLink, hello};
use crate::bench::cost::peak_mib;
use crate::real::until::{SOON, until};

/// Counts frames that were none.
const REFUSED: (&str, &str) = ("yizhan_frames_refused_total", THIEF);
const AUDIT: &[&str] = &["\"frame_refused\"", THIEF];
/// What a station's memory may grow by, whatever a child sends it: its bounds on a child's frames
/// are far below that, a bomb is far above.
const GROWS_MIB_MAX: f64 = 96.0;
/// How long garbage is poured in.
const POURS: Duration = Duration::from_secs(5);

/// Messages without a seal, and bytes of each.
const UNSEALED: u64 = 200;
const UNSEALED_BYTES: usize = 250 * 1024;
/// What they may take of the disk, of 49 MiB that were sent.
const SPOOL_MIB_MAX: u64 = 24;

const GIB: u32 = 1 << 30;

/// All of them.
pub const ATTACKS: [Attack; 6] = [
    Attack {
        name: "a zstd bomb of 1 GiB in 1 KiB",
        heavy: false,
        at: TOWN,
        metric: Some(REFUSED),
        audit: Some(AUDIT),
        play: |ground| Box::pin(bombs(ground)),
    },
    Attack {
        name: "a frame that claims 2^63 records",
        heavy: false,
        at: TOWN,
        metric: Some(REFUSED),
        audit: Some(AUDIT),
        play: |ground| Box::pin(claims(ground)),
    },
    Attack {
        name: "bytes that are no frame",
        heavy: false,
        at: TOWN,
        metric: Some(REFUSED),
        audit: Some(AUDIT),
        play: |ground| Box::pin(garbage(ground)),
    },
    Attack {
        name: "garbage as fast as the line carries it",
        heavy: false,
        at: TOWN,
        metric: Some(("yizhan_link_muted_total", THIEF)),
        audit: Some(&["\"muted\"", THIEF]),
        play: |ground| Box::pin(pours(ground)),
    },
    Attack {
        name: "messages without a seal, without end",
        heavy: true,
        at: TOWN,
        metric: Some(("yizhan_seals_refused_total", "reason=\"uncovered\"")),
        audit: Some(&["\"unsealed\"", THIEF]),
        play: |ground| Box::pin(unsealed(ground)),
    },
    Attack {
        name: "a copied box beside the living one",
        heavy: false,
        at: TOWN,
        metric: Some(("yizhan_hellos_refused_total", VILLAGE)),
        audit: Some(&["\"hello_refused\"", VILLAGE]),
        play: |ground| Box::pin(copied(ground)),
    },
];

async fn refused(ground: &Ground) -> f64 {
    let (name, label) = REFUSED;
    ground.station(TOWN).metric(name, label).await.unwrap_or_default()
}

/// Sends each and waits until as many were refused; the township's memory must not follow them.
async fn each_is_refused(ground: &Ground, link: &RawLink, frames: Vec<Vec<u8>>) -> Ended {
    let town = ground.station(TOWN);
    let pid = town.pid().ok_or("the township does not run")?;
    let (before, counted) = (peak_mib(pid), refused(ground).await);
    let wanted = frames.len();
    for frame in frames {
        link.says(frame).await?;
    }
    until(SOON, format!("{wanted} frames are refused"), || async {
        (refused(ground).await - counted >= wanted as f64).then_some(())
    })
    .await;
    is_bounded(pid, before)?;
    Ok("town: no frame".to_owned())
}

fn is_bounded(pid: u32, before: f64) -> Result<(), String> {
    let grew = peak_mib(pid) - before;
    match grew <= GROWS_MIB_MAX {
        true => Ok(()),
        false => Err(format!("the township grew by {grew:.0} MiB, at most may be {GROWS_MIB_MAX}")),
    }
}

/// A zstd frame of runs of zeros that says, and has if there are enough runs, so many bytes.
fn bomb(says_bytes: u64, runs: u32) -> Vec<u8> {
    /// A block of one byte that is repeated: at most 128 KiB.
    const RUN_BYTES: u32 = 128 * 1024;
    let mut bytes = vec![0x28, 0xb5, 0x2f, 0xfd, 0xc0, 0x98];
    bytes.extend(says_bytes.to_le_bytes());
    for run in 1..=runs {
        let header = RUN_BYTES << 3 | 1 << 1 | u32::from(run == runs);
        bytes.extend(header.to_le_bytes().iter().take(3));
        bytes.push(0);
    }
    bytes
}

async fn bombs(ground: &Ground) -> Ended {
    let link = RawLink::open(ground, THIEF).await?;
    let packed = |bytes: Vec<u8>, raw_bytes| {
        let packing = Some(Packing { dictionary: 0, raw_bytes });
        Frame::Batch(super::raw_frame::Batch { packing, ..link.batch(1, bytes) }).bytes()
    };
    // as much as a body may have, so that only unpacking can tell
    let honest = 900 * 1024;
    let frames = vec![
        packed(bomb(GIB.into(), 252), GIB),
        packed(bomb(GIB.into(), 252), honest),
        packed(bomb(GIB.into(), 8192), honest),
        packed(bomb(GIB.into(), 8192), u32::MAX),
        packed(bomb(honest.into(), 8192), honest),
    ];
    each_is_refused(ground, &link, frames).await
}

async fn claims(ground: &Ground) -> Ended {
    let link = RawLink::open(ground, THIEF).await?;
    // `records` is an array of as many as MessagePack can say, and there is none
    let mut many = vec![1, 0x81, 0xa7];
    many.extend(b"records");
    many.extend([0xdd, 0xff, 0xff, 0xff, 0xff]);
    let mut long = many.clone();
    long.extend(vec![0xc0; 64]);
    // a batch whose body says that it is 4 GiB long
    let mut huge = Frame::Batch(link.batch(1, vec![])).bytes();
    huge.truncate(huge.len() - 2);
    huge.extend([0xc6, 0xff, 0xff, 0xff, 0xff]);
    let empty = body(&[Record::skip(1, 1)], &[]);
    let batch = |first, body: Vec<u8>| Frame::Batch(link.batch(first, body)).bytes();
    let frames = vec![
        batch(1, many),
        batch(1, long),
        huge,
        batch(1, body(&[Record::skip(1, 1 << 63)], &[])),
        batch(1, body(&[Record::skip(1, u64::MAX)], &[])),
        batch(1 << 63, empty.clone()),
        batch(u64::MAX, empty.clone()),
        batch(u64::MAX, body(&vec![Record::skip(u64::MAX, u64::MAX); 9], &[])),
        batch(1, body(&[Record::skip(9, 1)], &[])),
        batch(0, empty),
        batch(1, body(&vec![Record::skip(1, 1); 5000], &[])),
    ];
    each_is_refused(ground, &link, frames).await
}

async fn garbage(ground: &Ground) -> Ended {
    let link = RawLink::open(ground, THIEF).await?;
    let good = Frame::Batch(link.batch(1, body(&[Record::skip(1, 1)], &[]))).bytes();
    let mut trailing = good.clone();
    trailing.push(0);
    let mut later = good.clone();
    later[0] = 9;
    let mut deep = vec![1];
    deep.extend(vec![0x91; 100_000]);
    let mut frames = vec![vec![], vec![1], b"PUB yz.down.> 0\r\n".to_vec(), trailing, later, deep];
    frames.extend((1..good.len()).map(|end| good[..end].to_vec()));
    each_is_refused(ground, &link, frames).await
}

/// What one child pours in must take neither memory nor its siblings' turn.
async fn pours(ground: &Ground) -> Ended {
    let link = RawLink::open(ground, THIEF).await?;
    let town = ground.station(TOWN);
    let pid = town.pid().ok_or("the township does not run")?;
    let before = peak_mib(pid);
    let large = bytes::Bytes::from(vec![0xc1; 1000 * 1024]);
    let small = bytes::Bytes::from_static(b"\x01garbage");
    let until = tokio::time::Instant::now() + POURS;
    while tokio::time::Instant::now() < until {
        for _ in 0..16 {
            let sent = link.nats.publish(link.subject.clone(), large.clone()).await;
            sent.map_err(|why| why.to_string())?;
        }
        for _ in 0..2_000 {
            let sent = link.nats.publish(link.subject.clone(), small.clone()).await;
            sent.map_err(|why| why.to_string())?;
        }
    }
    is_bounded(pid, before)?;
    Ok("town: muted for a while".to_owned())
}

/// What is put aside is kept with its bytes, but one child must not fill the disk with that.
async fn unsealed(ground: &Ground) -> Ended {
    let link = RawLink::open(ground, THIEF).await?;
    let town = ground.station(TOWN);
    let held = || bytes_below(&town.data());
    let refused =
        async || town.metric("yizhan_seals_refused_total", "uncovered").await.unwrap_or_default();
    let (before, counted) = (held(), refused().await);
    let payload = vec![b'x'; UNSEALED_BYTES];
    for leg in 1..=UNSEALED {
        let header = Header {
            o: THIEF,
            e: EPOCH,
            l: "r",
            s: 200 + leg,
            k: "incident.report",
            t: "up:510722",
            a: 1,
        };
        link.sends(leg, &[Record::carried(&header.envelope(&payload))], &[]).await?;
        until(SOON, format!("{leg} are refused"), || async {
            (refused().await - counted >= leg as f64).then_some(())
        })
        .await;
    }
    let grew = held().saturating_sub(before) / (1024 * 1024);
    match grew <= SPOOL_MIB_MAX {
        true => Ok("town: no seal".to_owned()),
        false => Err(format!("what was put aside takes {grew} MiB of the disk")),
    }
}

/// Bytes that the files of a directory take on disk.
fn bytes_below(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let bytes = entries.map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => bytes_below(&entry.path()),
        Ok(meta) => meta.blocks() * 512,
        Err(_) => 0,
    });
    bytes.sum()
}

/// The village lives; one who copied its disk comes under its code with another store.
async fn copied(ground: &Ground) -> Ended {
    until(SOON, "the village has a session", || async {
        let up = ground.station(TOWN).metric("yizhan_link_up", VILLAGE).await?;
        (up > 0.0).then_some(())
    })
    .await;
    let nats = RawBus::at(ground, TOWN, ground.county.holder_of(VILLAGE)).await?.nats;
    let answer = hello(&nats, VILLAGE, &Hello::new(VILLAGE, "baaaaaaaaaaaa", EPOCH, 1)).await?;
    match answer.refused {
        Some(refused) if refused.reason == "store_conflict" => {
            Ok("town: store_conflict".to_owned())
        }
        other => Err(format!("a copied box is not refused as such: {other:?}")),
    }
}
