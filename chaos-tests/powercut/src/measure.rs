//! Commits, bytes written and legs read on a real disk.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use yizhan::spool::{Log, Opened, Options, Reading};
use yizhan_core::link::Link;
use yizhan_core::record::{Leg, Put, Record};
use yizhan_schemas::frame::Chain;
use yizhan_schemas::{Envelope, Lane};

use crate::Fault;
use crate::committer::{Door, commit, gather};
use crate::message::Kept;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A directory on the disk to measure; what is written there is removed again.
    dir: std::path::PathBuf,
    /// Threads that hand in messages, each waiting for its acknowledgement.
    #[arg(long, default_values_t = [1, 16, 128])]
    producers: Vec<usize>,
    /// Length of a payload, bytes.
    #[arg(long, default_value_t = 400)]
    payload_bytes: usize,
    /// How long to write, seconds.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
}

#[derive(Debug, Serialize)]
struct Measured {
    producers: usize,
    payload_bytes: usize,
    records_per_s: u64,
    commits_per_s: u64,
    ack_us_p50: u64,
    ack_us_p99: u64,
    /// Bytes that the kernel was given to write, by payload byte.
    written_per_payload: f64,
    /// Bytes of the log's segments, by payload byte.
    held_per_payload: f64,
    /// Legs read from files, from first to last.
    legs_read_per_s: u64,
    /// Opening anew, milliseconds.
    open_ms: u64,
}

/// Prints one line of JSON for each number of producers.
pub(crate) fn measure(args: &Args) -> Result<(), Fault> {
    for producers in &args.producers {
        let data = tempfile::tempdir_in(&args.dir)?;
        let measured = one(args, *producers, data.path())?;
        println!("{}", serde_json::to_string(&measured)?);
    }
    Ok(())
}

fn one(args: &Args, producers: usize, data: &Path) -> Result<Measured, Fault> {
    let Opened { mut log, .. } = Log::open(data, Options::default(), &mut |_| {})?;
    let (door, wishes) = Door::new();
    let begun = Instant::now();
    let until = begun + Duration::from_secs(args.seconds);
    let threads: Vec<_> = (0..producers)
        .map(|_| {
            let door = door.clone();
            thread::spawn(move || produce(&door, until))
        })
        .collect();
    drop(door);
    let template = template(args.payload_bytes)?;
    let (written_before, mut records, mut commits) = (written_bytes()?, 0_u64, 0_u64);
    loop {
        let wishes = gather(&wishes);
        if wishes.is_empty() {
            break;
        }
        let batch: Vec<_> = wishes
            .iter()
            .map(|_| {
                records += 1;
                message(&template, records)
            })
            .collect();
        commit(&mut log, &batch)?;
        commits += 1;
        for wish in wishes {
            // it waits for this
            let _ = wish.send(records);
        }
        if log.wants_snapshot() {
            log.append_snapshot(bytes::Bytes::from(vec![7; 16 * 1024]))?;
        }
    }
    let took = begun.elapsed().as_secs_f64();
    let payload = (records * args.payload_bytes as u64) as f64;
    let written = written_bytes()?.saturating_sub(written_before);
    let mut acks: Vec<u64> = Vec::new();
    for thread in threads {
        acks.append(&mut thread.join().map_err(|_| "a producer panicked")?);
    }
    acks.sort_unstable();
    let held = log.held_bytes();
    drop(log);
    let (legs_read_per_s, open_ms) = read_back(data, records)?;
    Ok(Measured {
        producers,
        payload_bytes: args.payload_bytes,
        records_per_s: (records as f64 / took) as u64,
        commits_per_s: (commits as f64 / took) as u64,
        ack_us_p50: quantile(&acks, 50),
        ack_us_p99: quantile(&acks, 99),
        written_per_payload: written as f64 / payload,
        held_per_payload: held as f64 / payload,
        legs_read_per_s,
        open_ms,
    })
}

fn produce(door: &Door, until: Instant) -> Vec<u64> {
    let mut acks = Vec::new();
    while Instant::now() < until {
        let begun = Instant::now();
        if door.submit().is_none() {
            break;
        }
        acks.push(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    acks
}

fn template(payload_bytes: usize) -> Result<Put, Fault> {
    let Record::Put(put) = Kept::default().next()? else { return Err("not a message".into()) };
    let mut payload = put.envelope.payload().to_vec();
    payload.resize(payload_bytes, 0x5a);
    let envelope = Envelope::make(put.envelope.header().clone(), &payload)?;
    Ok(Put { envelope, key: None, ..put })
}

fn message(template: &Put, sequence: u64) -> Record {
    let leg = Leg { link: Link::Up, sequence, chain: Chain(sequence.to_be_bytes()) };
    Record::Put(Put { legs: vec![leg], ..template.clone() })
}

fn read_back(data: &Path, records: u64) -> Result<(u64, u64), Fault> {
    let begun = Instant::now();
    let Opened { log, .. } = Log::open(data, Options::default(), &mut |_| {})?;
    let open_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let begun = Instant::now();
    let mut legs = 0_u64;
    let lane = Lane::Immediate;
    let next = log.reader().legs(&Link::Up, lane, 1, records, &mut |reading| {
        legs += u64::from(matches!(reading, Reading::Leg(_)));
        true
    })?;
    if (next, legs) != (records + 1, records) {
        return Err(format!("{legs} of {records} legs were read back").into());
    }
    Ok(((legs as f64 / begun.elapsed().as_secs_f64()) as u64, open_ms))
}

fn quantile(sorted: &[u64], percent: usize) -> u64 {
    sorted.get(sorted.len() * percent / 100).copied().unwrap_or_default()
}

/// What this process has given the kernel to write to disks.
fn written_bytes() -> Result<u64, Fault> {
    let text = std::fs::read_to_string("/proc/self/io")?;
    let line = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    Ok(line.ok_or("/proc/self/io has no write_bytes")?.parse()?)
}
