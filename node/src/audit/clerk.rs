//! [`AuditLog`]: the thread that writes deeds down, and [`Audit`], by which it hears of them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use metrics::{counter, gauge};
use yizhan_schemas::Code;

use super::AuditError;
use super::book::Book;
use super::deed::Deed;
use super::fold::{Folded, Folds};
use crate::priority;
use crate::queue::{self, Receiver, Sender};
use crate::seal::Notary;

/// Deeds that may wait for the thread; those beyond are counted as lost.
pub const DEEDS_MAX: usize = 8192;
/// Pause between two turns.
const REST: Duration = Duration::from_millis(50);
/// A line is on disk this long after it was added, at the latest.
const SYNC_WITHIN: Duration = Duration::from_secs(1);
/// How often the head is said in the station's own log, which may be kept elsewhere, and old files
/// are looked for.
const HEAD_EVERY: Duration = Duration::from_secs(3600);

/// What a log is opened with.
#[derive(Debug)]
pub struct Plan {
    /// Its directory.
    pub dir: PathBuf,
    /// The station.
    pub station: Code,
    /// What signs its head.
    pub notary: Option<Notary>,
    /// How long lines are kept: `audit.retain`.
    pub retain: Duration,
    /// From how many bytes on little is written: `audit.max_bytes`.
    pub bytes_max: u64,
}

/// The way to the thread; cheap to clone.
#[derive(Debug, Clone)]
pub struct Audit {
    deeds: Option<Sender<Order>>,
    lost: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Order {
    Note(Box<Deed>),
    Close,
}

impl Audit {
    /// One by which nobody hears.
    pub fn none() -> Self {
        Self { deeds: None, lost: Arc::default() }
    }

    /// Has a deed written down. Never waits: if too many wait already, it is counted and gone.
    pub fn note(&self, deed: Deed) {
        let Some(deeds) = &self.deeds else { return };
        if deeds.offer(Order::Note(Box::new(deed))).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
            counter!("yizhan_audit_lost_total").increment(1);
        }
    }
}

/// The thread. Dropping this has everything written down and waits for that.
#[derive(Debug)]
pub struct AuditLog {
    orders: Sender<Order>,
    thread: Option<JoinHandle<()>>,
}

impl AuditLog {
    /// Opens a log and starts the thread.
    ///
    /// # Errors
    /// The directory cannot be used.
    pub fn start(plan: Plan) -> Result<(Self, Audit), AuditError> {
        let (orders, desk) = queue::bounded(DEEDS_MAX);
        let audit = Audit { deeds: Some(orders.clone()), lost: Arc::default() };
        let (dir, station) = (plan.dir.clone(), plan.station.clone());
        let (book, found) = Book::open(&plan.dir, plan.station, plan.notary)?;
        let clerk = Clerk {
            book,
            station,
            retain: plan.retain,
            bytes_max: plan.bytes_max,
            folds: Folds::default(),
            lost: Arc::clone(&audit.lost),
            sync_by: None,
            head_at: Instant::now(),
            failing: false,
        };
        for deed in found {
            tracing::error!(event = deed.event, file = deed.what, "the audit log: {}", deed.detail);
            audit.note(deed);
        }
        let thread = thread::Builder::new().name("yizhan-audit".into());
        let thread = thread.spawn(move || clerk.run(&desk));
        let thread = thread.map_err(AuditError::at("start a thread for", &dir))?;
        Ok((Self { orders, thread: Some(thread) }, audit))
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        // the thread takes orders for as long as it lives
        self.orders.insist(Order::Close);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Clerk {
    book: Book,
    station: Code,
    retain: Duration,
    bytes_max: u64,
    folds: Folds,
    lost: Arc<AtomicU64>,
    /// When what was added has to be on disk.
    sync_by: Option<Instant>,
    head_at: Instant,
    /// The disk did not take it the last time.
    failing: bool,
}

impl Clerk {
    fn run(mut self, desk: &Receiver<Order>) {
        priority::behind();
        let mut closing = false;
        while !closing {
            let now = Instant::now();
            let due = [self.sync_by, self.folds.next(), Some(self.head_at)];
            let wait =
                due.into_iter().flatten().min().map(|due| due.saturating_duration_since(now));
            match desk.recv_timeout(wait.unwrap_or(HEAD_EVERY)) {
                Ok(Order::Note(deed)) => {
                    self.take(*deed);
                    closing = self.take_waiting(desk);
                    if !closing {
                        // to be woken for each of many deeds costs both sides more than they bring
                        thread::sleep(REST);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Order::Close) | Err(RecvTimeoutError::Disconnected) => closing = true,
            }
            self.keep_up(Instant::now());
        }
        self.close();
    }

    /// Takes what waits behind the first; `true` if there is nothing to come.
    fn take_waiting(&mut self, desk: &Receiver<Order>) -> bool {
        desk.try_iter().take(DEEDS_MAX).any(|order| match order {
            Order::Note(deed) => {
                self.take(*deed);
                false
            }
            Order::Close => true,
        })
    }

    fn take(&mut self, deed: Deed) {
        if let Some(deed) = self.folds.take(deed, Instant::now()) {
            self.add(deed, None);
        }
    }

    /// Does what is due.
    fn keep_up(&mut self, now: Instant) {
        for Folded { deed, since } in self.folds.closed(now) {
            self.add(deed, Some(since));
        }
        if self.head_at <= now {
            self.head_at = now + HEAD_EVERY;
            self.prune();
            self.say_head();
        }
        if self.sync_by.is_some_and(|by| by <= now) {
            self.sync(now);
        }
    }

    fn add(&mut self, deed: Deed, since: Option<jiff::Timestamp>) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let words = format!("{lost} deeds came too fast to be written down");
            let said = Deed::done("audit_lost", self.station.as_str()).detail(&words);
            if !self.add_line(said, None) {
                self.lost.fetch_add(lost, Ordering::Relaxed);
            }
        }
        let times = deed.times();
        if !self.add_line(deed, since) {
            self.lost.fetch_add(times, Ordering::Relaxed);
            counter!("yizhan_audit_lost_total").increment(times);
        }
    }

    /// False if there is no room for it.
    fn add_line(&mut self, deed: Deed, since: Option<jiff::Timestamp>) -> bool {
        let event = deed.event;
        self.sync_by.get_or_insert_with(|| Instant::now() + SYNC_WITHIN);
        match self.book.add(deed, since) {
            Ok(true) => {
                counter!("yizhan_audit_lines_total", "event" => event).increment(1);
                true
            }
            Ok(false) => false,
            Err(fault) => {
                self.fail(&fault);
                false
            }
        }
    }

    fn sync(&mut self, now: Instant) {
        match self.book.sync() {
            Ok(()) => {
                self.sync_by = None;
                self.failing = false;
            }
            Err(fault) => {
                self.sync_by = Some(now + SYNC_WITHIN);
                self.fail(&fault);
            }
        }
        let bytes = self.book.bytes();
        self.folds.tight = bytes >= self.bytes_max;
        gauge!("yizhan_audit_bytes").set(bytes as f64);
        gauge!("yizhan_audit_full").set(f64::from(u8::from(self.folds.tight)));
        gauge!("yizhan_audit_seq").set(self.book.last().0 as f64);
    }

    /// Counts each failure and says the first of a row.
    fn fail(&mut self, fault: &AuditError) {
        counter!("yizhan_audit_failures_total").increment(1);
        if !std::mem::replace(&mut self.failing, true) {
            tracing::error!(event = "audit_failed", "{fault}; it will be tried again");
        }
    }

    /// Takes away what has been kept long enough; a line that says so is on disk before.
    fn prune(&mut self) {
        let done = self.book.outlived(self.retain).and_then(|outlived| {
            let Some(outlived) = outlived else { return Ok(()) };
            let through = format!("through {}", outlived.through);
            let deed = Deed::done(super::verify::PRUNED, self.station.as_str());
            if !self.add_line(deed.to(&through).detail(&outlived.hash.to_string()), None) {
                return Ok(());
            }
            self.book.sync()?;
            self.book.prune(&outlived)
        });
        if let Err(fault) = done {
            self.fail(&fault);
        }
    }

    /// Says where the log ends, where others may keep it.
    fn say_head(&self) {
        let (seq, hash) = self.book.last();
        let dir = self.book.dir().display();
        tracing::info!(event = "audit_head", seq, %hash, %dir, "the audit log ends here");
    }

    fn close(mut self) {
        for Folded { deed, since } in self.folds.close() {
            self.add(deed, Some(since));
        }
        self.sync(Instant::now());
        self.say_head();
    }
}
