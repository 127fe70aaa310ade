//! The part of the core that the writer plays: what was handed over may go, what is still owed is
//! carried on, and both happen beside the commits.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use yizhan::spool::{Follower, KeyFiles, Log, Reclaimer};
use yizhan_core::input::{OldSegment, Span};
use yizhan_core::link::Link;
use yizhan_core::record::Put;
use yizhan_schemas::Lane;

use crate::Fault;
use crate::writer::say;

/// The longest wait for a reason to look again.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Last leg handed over, durably, by link and numbered lane.
pub(crate) type Acked = BTreeMap<(Link, Lane), u64>;

/// The committer's end.
pub(crate) struct Reclaiming {
    acked: Arc<Mutex<Acked>>,
    /// Messages to be appended anew, and whom to tell when they are durable.
    pub(crate) carried: Receiver<(Vec<Put>, SyncSender<()>)>,
    wake: Sender<()>,
}

impl Reclaiming {
    /// Starts the thread.
    pub(crate) fn start(log: &Log, follower: Follower, key_files: KeyFiles) -> Self {
        let acked = Arc::new(Mutex::new(Acked::new()));
        let (carry, carried) = sync_channel(1);
        let (wake, woken) = channel();
        let reclaimer = log.reclaimer(vec![follower]).keeping(key_files);
        let mut work = Work { reclaimer, acked: Arc::clone(&acked), carry, wanted: 0 };
        thread::spawn(move || {
            // it fails when the filesystem goes away
            while work.turn().is_ok() {
                let _ = woken.recv_timeout(LOOK_EVERY);
                while woken.try_recv().is_ok() {}
            }
        });
        Self { acked, carried, wake }
    }

    /// What is handed over now is durable.
    pub(crate) fn moved(&self, acked: &Acked) {
        acked.clone_into(&mut self.acked.lock().unwrap_or_else(PoisonError::into_inner));
        // without a thread to wake the round is over
        let _ = self.wake.send(());
    }
}

struct Work {
    reclaimer: Reclaimer,
    acked: Arc<Mutex<Acked>>,
    carry: SyncSender<(Vec<Put>, SyncSender<()>)>,
    /// The segment that was last wished away.
    wanted: u64,
}

impl Work {
    fn turn(&mut self) -> Result<(), Fault> {
        for segment in self.reclaimer.tend()? {
            say('D', segment);
        }
        let Some(oldest) = self.reclaimer.oldest()? else { return Ok(()) };
        if oldest.number == self.wanted {
            return Ok(());
        }
        let open = self.open(&oldest);
        if open.is_empty() {
            self.wanted = oldest.number;
            self.reclaimer.discard(oldest.number);
            return Ok(());
        }
        // only what is behind: the others will be handed over soon
        let slow = |link: &Link| matches!(link, Link::Down(_));
        if open.iter().all(|(link, ..)| slow(link)) {
            let carried = self.reclaimer.carry(oldest.number, &open)?;
            if !carried.unreadable.is_empty() {
                return Err(format!("cannot be carried: {:?}", carried.unreadable).into());
            }
            let (told, done) = sync_channel(1);
            self.carry.send((carried.puts, told))?;
            done.recv()?;
        }
        Ok(())
    }

    fn open(&self, oldest: &OldSegment) -> Vec<(Link, Lane, u64, u64)> {
        let acked = self.acked.lock().unwrap_or_else(PoisonError::into_inner);
        let open = |span: &Span| {
            let through = acked.get(&(span.link.clone(), span.lane)).copied().unwrap_or(0);
            let from = span.from.max(through + 1);
            (from <= span.through).then(|| (span.link.clone(), span.lane, from, span.through))
        };
        oldest.spans.iter().filter_map(open).collect()
    }
}
