//! [`Traffic`]: the plan carried out: reports and directives, the outage, and what comes of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::{join_all, try_join_all};
use futures::stream::iter;
use hdrhistogram::Histogram;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use yizhan_schemas::{Code, MessageId};

use super::Fault;
use super::commands::Commands;
use super::county::County;
use super::ground::Site;
use super::handover::Handovers;
use super::ledger::{Fate, Harvest, Ledger};
use super::outage::{self, Halted};
use super::plan::{CAMERA, Plan, Post};
use super::publisher::Publisher;
use super::reader::{Found, Reader};
use super::receipts::Receipts;
use super::sentences::Progress;
use super::show::Show;
use crate::cli::devices::{Asked, Devices, Mood};

/// Reports under way at once.
const UNDER_WAY_MAX: usize = 64;
/// How long may pass after the last was published until all is there.
const SETTLE_WITHIN: Duration = Duration::from_secs(60);
/// How often it is looked whether all is there.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often stations are asked for their metrics.
const SCRAPE_EVERY: Duration = Duration::from_secs(1);
/// How long a process that is to be stopped may be between two lives.
const SIGNAL_WITHIN: Duration = Duration::from_secs(10);

/// The plan while it is carried out.
pub(super) struct Traffic<'a> {
    county: &'a County,
    plan: &'a Plan,
    show: &'a Show,
    source: &'a str,
    publisher: Publisher,
    began: Instant,
    book: Mutex<Book>,
}

/// What is known so far.
#[derive(Debug, Default)]
struct Book {
    ledger: Ledger,
    harvest: Harvest,
    handovers: Handovers,
    sent_unix_ns: BTreeMap<String, i128>,
    retries: u32,
    /// Video commands that were accepted, in the plan's order.
    commands: Vec<MessageId>,
    /// What the camera was asked.
    asked: Vec<Asked>,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) ledger: Ledger,
    pub(super) harvest: Harvest,
    pub(super) handovers: Handovers,
    /// From the first attempt to publish to the county's inbox, microseconds.
    pub(super) end_to_end_us: Histogram<u64>,
    /// Attempts of publishers after their first.
    pub(super) retries: u32,
    /// What the origins know of reports, and of directives.
    pub(super) receipts: [Receipts; 2],
    /// The video commands.
    pub(super) commands: Commands,
}

impl<'a> Traffic<'a> {
    /// Makes ready; `source` tells this run's messages from all others.
    pub(super) async fn prepare(
        county: &'a County,
        plan: &'a Plan,
        show: &'a Show,
        source: &'a str,
    ) -> Result<Self, Fault> {
        let publisher = Publisher::open(county, source).await?;
        let (began, book) = (Instant::now(), Mutex::default());
        Ok(Self { county, plan, show, source, publisher, began, book })
    }

    /// Carries the plan out and counts.
    pub(super) async fn run(self) -> Result<Outcome, Fault> {
        let story = async {
            tokio::try_join!(
                self.reports(),
                self.directives(),
                self.commands(),
                self.cut(),
                self.kill()
            )?;
            self.settle().await;
            Ok::<(), Fault>(())
        };
        let follow = try_join_all(self.county.sites().map(|site| self.follow(site)));
        tokio::select! {
            told = story => told?,
            never = follow => drop(never?),
            never = self.camera() => never?,
            () = self.scrape_again_and_again() => {}
            () = self.show_progress() => {}
        }
        self.scrape().await;
        self.show.say(self.show.sentences.asking());
        let (ledger, commands, asked) = {
            let book = self.book();
            (book.ledger.clone(), book.commands.clone(), book.asked.clone())
        };
        let root = self.county.topology.root();
        let (reports, directives) =
            (ledger.part(|_, origin| origin != root), ledger.part(|_, origin| origin == root));
        let receipts = [
            Receipts::gather(self.county, &reports).await,
            Receipts::gather(self.county, &directives).await,
        ];
        let commands = Commands::gather(self.county, self.plan, &commands, asked).await;
        self.count(receipts, commands).await
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn reports(&self) -> Result<(), Fault> {
        let posts = iter(&self.plan.reports);
        let all = posts.for_each_concurrent(UNDER_WAY_MAX, |post| async {
            self.publish(post).await;
        });
        all.await;
        Ok(())
    }

    async fn directives(&self) -> Result<(), Fault> {
        for post in &self.plan.directives {
            if let Fate::Accepted(id) = self.publish(post).await {
                let to = post.to.as_deref().unwrap_or_default();
                self.show.say(self.show.sentences.directed(to, &id.to_string()));
            }
        }
        Ok(())
    }

    /// Not in the ledger of inboxes: a command enters none.
    async fn commands(&self) -> Result<(), Fault> {
        for post in &self.plan.commands {
            sleep_until(self.began + post.at).await;
            if let Fate::Accepted(id) = self.publisher.publish(post).await.fate {
                let ttl = post.ttl.map(|ttl| ttl.as_secs());
                self.show.say(self.show.sentences.commanded(&post.key, ttl, &id.to_string()));
                self.book().commands.push(id);
            }
        }
        Ok(())
    }

    /// The camera of the village; never ends by itself.
    async fn camera(&self) -> Result<(), Fault> {
        let village = &self.plan.village;
        let missing = || Fault::Defect(format!("no connection to {village}"));
        let bus = self.publisher.bus(village).ok_or_else(missing)?;
        let devices = Devices::new(Duration::ZERO).with(CAMERA, Mood::Willing);
        let requests = Devices::listen(bus).await?;
        let log = |asked| {
            self.book().asked.push(asked);
            true
        };
        devices.serve(bus, requests, log).await;
        Ok(())
    }

    async fn publish(&self, post: &Post) -> Fate {
        sleep_until(self.began + post.at).await;
        self.book().ledger.publish(&post.key, &post.station, &post.targets);
        let handed = self.publisher.publish(post).await;
        let mut book = self.book();
        book.ledger.settle(&post.key, handed.fate.clone());
        book.sent_unix_ns.insert(post.key.clone(), handed.sent_unix_ns);
        book.retries += handed.retries;
        handed.fate
    }

    /// Stops a township's bus for a while: both its link up and its villages' links are cut.
    async fn cut(&self) -> Result<(), Fault> {
        let (township, sentences) = (&self.plan.cut, self.show.sentences);
        let site = self.county.site(township)?;
        sleep_until(self.began + self.plan.cut_at).await;
        let deadline = Instant::now() + SIGNAL_WITHIN;
        let (bus, halted) = loop {
            // somebody may have killed it just now
            let bus = site.bus_pid().unwrap_or_default();
            match Halted::halt(bus) {
                Ok(halted) => break (bus, halted),
                Err(_) if Instant::now() < deadline => sleep(LOOK_EVERY).await,
                Err(why) => return Err(Fault::file("stop the bus of", &site.data())(why)),
            }
        };
        self.show.say(sentences.cut(township, bus, self.plan.cut_for));
        let before = self.accepted_below(township);
        sleep(self.plan.cut_for).await;
        drop(halted);
        let during = self.accepted_below(township) - before;
        self.show.say(sentences.healed(township, during));
        Ok(())
    }

    fn accepted_below(&self, township: &Code) -> usize {
        self.book().ledger.part(|_, origin| township.is_above(origin)).counts().1
    }

    async fn kill(&self) -> Result<(), Fault> {
        let township = &self.plan.killed;
        sleep_until(self.began + self.plan.kill_at).await;
        // what it has counted dies with it
        self.scrape().await;
        loop {
            // somebody else may have killed it just now: then it is to live again first
            match self.county.pid(township).map(|pid| (pid, outage::kill(pid))) {
                Some((pid, Ok(()))) => {
                    self.show.say(self.show.sentences.killed(township, pid));
                    return Ok(());
                }
                _ => sleep(LOOK_EVERY).await,
            }
        }
    }

    /// Waits until all is there and nothing is on its way any more, or for too long.
    async fn settle(&self) {
        let (began, sentences) = (Instant::now(), self.show.sentences);
        self.show.say(sentences.settling());
        while began.elapsed() < SETTLE_WITHIN {
            let complete = {
                let book = self.book();
                book.ledger.is_complete(&book.harvest)
            };
            if complete && self.is_idle().await {
                return self.show.say(sentences.settled(began.elapsed().as_secs_f64()));
            }
            sleep(LOOK_EVERY).await;
        }
        self.show.say(sentences.unsettled(SETTLE_WITHIN.as_secs()));
    }

    /// True if no station has anything left to hand over.
    async fn is_idle(&self) -> bool {
        let asked = self.county.sites().map(|site| self.county.probe.status(site));
        let all = join_all(asked).await;
        all.iter().all(|status| status.as_ref().is_ok_and(|status| status.backlog() == 0))
    }

    /// Reads an inbox as it fills, for the eye and to know when all is there. Never ends.
    async fn follow(&self, site: &Site) -> Result<(), Fault> {
        let mut reader = self.reader(site)?;
        loop {
            let news = reader.news().await;
            let mut book = self.book();
            news.into_iter().for_each(|found| book.harvest.add(&site.code, found.seen));
        }
    }

    fn reader(&self, site: &Site) -> Result<Reader<'a>, Fault> {
        let missing = || Fault::Defect(format!("no connection to {}", site.code));
        let bus = self.publisher.bus(&site.code).ok_or_else(missing)?;
        Ok(Reader::new(bus, self.source))
    }

    async fn scrape_again_and_again(&self) {
        let mut turns = interval(SCRAPE_EVERY);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            self.scrape().await;
        }
    }

    async fn scrape(&self) {
        let pages = self
            .county
            .sites()
            .map(|site| async { (&site.code, self.county.probe.metrics(site).await) });
        for (code, page) in join_all(pages).await {
            if let Ok(page) = page {
                self.book().handovers.read(code, &page);
            }
        }
    }

    async fn show_progress(&self) {
        let root = self.county.topology.root();
        let mut turns = interval(LOOK_EVERY);
        loop {
            turns.tick().await;
            let progress = {
                let book = self.book();
                let reports = book.ledger.part(|_, origin| origin != root);
                let (published, accepted) = reports.counts();
                let arrived = book.harvest.of(&reports).count(root);
                Progress { published, accepted, arrived, of: self.plan.reports.len() }
            };
            self.show.progress(progress);
        }
    }

    /// Reads all inboxes anew, from the first message on: this is what counts.
    async fn count(self, receipts: [Receipts; 2], commands: Commands) -> Result<Outcome, Fault> {
        let root = self.county.topology.root();
        let sent = std::mem::take(&mut self.book().sent_unix_ns);
        let mut harvest = Harvest::default();
        let mut end_to_end_us = Histogram::new(3).map_err(|bad| Fault::Defect(bad.to_string()))?;
        for site in self.county.sites() {
            for Found { seen, stored_unix_ns } in self.reader(site)?.all(&site.code).await? {
                if let Some(sent_unix_ns) = sent.get(&seen.key).filter(|_| site.code == *root) {
                    let us = (stored_unix_ns - sent_unix_ns).max(0) / 1000;
                    // a time of centuries, which cannot be, is all that it would refuse
                    let _ = end_to_end_us.record(u64::try_from(us).unwrap_or(u64::MAX));
                }
                harvest.add(&site.code, seen);
            }
        }
        let Book { ledger, handovers, retries, .. } =
            self.book.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Outcome { ledger, harvest, handovers, end_to_end_us, retries, receipts, commands })
    }
}
