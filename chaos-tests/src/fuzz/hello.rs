//! What happens to a station: any sequence of inputs, from neighbours that lie and a driver that
//! does not, at a root, a township (a child and a parent) or a village.
//!
//! Promise: it never panics; at every step `taken = held + handed over + ended` for every link and
//! lane, counted apart; its memory is the fold of its records; no message is taken twice; every
//! publisher and every hello is answered once; and what it says to a neighbour, that can read.

use yizhan_core::input::Input;
use yizhan_core::link::Link;
use yizhan_core::seal::{Checked, NoKeys};
use yizhan_schemas::frame::{RefusalReason, Refused, SessionTag};
use yizhan_schemas::{Answer, Code, MessageId};

use super::bench::Bench;
use super::draw::Draw;
use super::driver::Driver;
use super::held::Held;
use super::{neighbours, paper};

/// Things told in one story, at most.
const TOLD_MAX: usize = 400;
/// Where the station stands: as a child, as both, as a parent.
const PLACES: [&str; 3] = ["510722.101", "510722.101.002", "510722"];

/// Plays the story that the bytes tell.
///
/// # Panics
/// A promise that does not hold.
pub fn hello(data: &[u8]) {
    let mut draw = Draw::of(data);
    let place = draw.one_of(&PLACES).copied().unwrap_or("510722");
    let bench = Bench::new(Code::parse(place).expect("the list holds codes"));
    let mut story = Story { bench, driver: Driver::default(), draw, backup: None };
    for _ in 0..TOLD_MAX {
        if story.draw.is_over() {
            break;
        }
        story.next();
        if !story.draw.once_in(4) {
            story.settle();
        }
    }
    story.settle();
}

struct Story<'a> {
    bench: Bench,
    driver: Driver,
    draw: Draw<'a>,
    /// A copy of the disk that may be put back.
    backup: Option<Held>,
}

impl Story<'_> {
    fn settle(&mut self) {
        let said = self.bench.settle();
        self.driver.carry_out(&mut self.bench, &mut self.draw, said);
    }

    fn next(&mut self) {
        match self.draw.below(32) {
            0..4 => self.child_says_hello(),
            4..7 => self.parent_answers(),
            7..12 => self.batch(),
            12..15 => self.ack(),
            15 => self.beat(),
            16..21 => {
                if let Some(input) = self.driver.answer(&mut self.draw) {
                    self.bench.tell(input);
                }
            }
            21..25 => {
                let draft = Box::new(paper::draft(&mut self.draw));
                let ticket = self.bench.ticket(true);
                self.bench.tell(Input::Submitted { ticket, draft });
            }
            25 | 26 => {
                let us =
                    *self.draw.one_of(&[10_000, 1_100_000, 12_000_000, 900_000_000]).unwrap_or(&0);
                self.bench.wait(us);
            }
            27 => self.uplink(),
            28 => self.inbox(),
            29 => self.restart(),
            30 => self.log(),
            _ => self.answered(),
        }
    }

    fn link(&mut self) -> Link {
        let links = self.bench.links();
        let known = self.draw.one_of(&links).cloned().unwrap_or(Link::Up);
        self.draw.mostly(known, |draw| match draw.below(3) {
            0 => Link::Up,
            1 => Link::Inbox,
            _ => Link::Down(draw.code()),
        })
    }

    fn child_says_hello(&mut self) {
        let children = self.bench.children();
        let child = self.draw.one_of(&children).cloned();
        let code = child.unwrap_or_else(|| self.draw.code());
        let from = self.draw.mostly(code.clone(), Draw::code);
        let link = Link::Down(from.clone());
        // the tag of a session is known from one hello and its answer: one at a time
        self.settle();
        let hello = neighbours::hello(&self.bench, &mut self.draw, &link, &code);
        let marks = neighbours::marks(&self.bench, &mut self.draw, &link, &hello.haves);
        self.driver.told = Some((link, hello.clone()));
        let ticket = self.bench.ticket(true);
        self.bench.tell(Input::Greeted { from, hello: Box::new(hello), ticket, marks });
        self.settle();
    }

    fn parent_answers(&mut self) {
        if self.driver.heard.is_none() {
            self.bench.tell(Input::Connected);
            self.settle();
        }
        let Some(asked) = self.driver.heard.clone() else { return };
        let code = self.bench.parent().unwrap_or_else(|| self.draw.code());
        let welcome = neighbours::welcome(&self.bench, &mut self.draw, code, &asked);
        let marks = neighbours::marks(&self.bench, &mut self.draw, &Link::Up, &welcome.haves);
        self.driver.stands(Link::Up, SessionTag::of(&asked, &welcome));
        self.bench.tell(Input::Welcomed { welcome: Box::new(welcome), marks });
    }

    fn batch(&mut self) {
        let link = self.link();
        let lane = self.draw.lane();
        let session = neighbours::tag(&self.driver, &mut self.draw, &link);
        let (first, body) = neighbours::batch(&self.bench, &mut self.draw, &link, lane);
        let body = Checked::of(body, &NoKeys);
        let sent_ms = self.draw.near(1_000);
        self.bench.tell(Input::Batch { link, session, lane, first, sent_ms, body });
    }

    fn ack(&mut self) {
        let link = self.link();
        let session = neighbours::tag(&self.driver, &mut self.draw, &link);
        let ack = neighbours::ack(&self.bench, &mut self.draw, &link, session);
        self.bench.tell(Input::Ack { link, ack });
    }

    fn beat(&mut self) {
        let link = self.link();
        let session = neighbours::tag(&self.driver, &mut self.draw, &link);
        let beat = neighbours::beat(&self.bench, &mut self.draw, session);
        self.bench.tell(Input::Beat { link, beat });
    }

    fn uplink(&mut self) {
        let counter = self.driver.heard.as_ref().map_or(1, |hello| hello.counter);
        let counter = self.draw.near(counter);
        let reason = RefusalReason::StoreConflict;
        self.bench.tell(match self.draw.below(5) {
            0 => Input::Connected,
            1 => Input::Disconnected,
            2 => Input::Refused(Refused { reason, message: "no".into(), counter }),
            3 => Input::Unanswered { counter },
            _ => Input::Nudged,
        });
    }

    fn inbox(&mut self) {
        let input = match self.draw.below(4) {
            0 => Input::InboxClosed,
            1 => Input::Stale { leg: self.leg(&Link::Inbox) },
            _ => self.driver.open_inbox(&mut self.draw),
        };
        self.bench.tell(input);
    }

    fn leg(&mut self, link: &Link) -> u64 {
        let lane = yizhan_schemas::Lane::Routine;
        let acked = self.bench.kept().outbound(link, lane).map_or(0, |owed| owed.acked);
        self.draw.near(acked + 1)
    }

    fn restart(&mut self) {
        let power = self.draw.once_in(2);
        let held = match self.draw.below(8) {
            0 => self.backup.take().unwrap_or_else(|| self.bench.held.clone()),
            1 => Held::default(),
            2 => {
                self.backup = Some(self.bench.held.clone());
                return;
            }
            _ => self.bench.held.clone(),
        };
        let from_snapshot = self.draw.once_in(2);
        self.driver.forget();
        self.driver.heard = None;
        self.bench.restart(held, power, from_snapshot);
        self.settle();
    }

    fn log(&mut self) {
        match self.draw.below(4) {
            0 => {
                let (held_bytes, max_bytes) = (self.draw.near(90), self.draw.near(100));
                self.bench.tell(Input::Disk { held_bytes, max_bytes });
            }
            1 => {
                let through = self.draw.below(8) as u64;
                self.bench.tell(Input::Indexed { through });
            }
            2 => {
                let (link, lane) = (self.link(), self.draw.lane());
                let owed = self.bench.kept().outbound(&link, lane);
                let open = owed.map_or(1..1, |owed| owed.acked + 1..owed.next);
                if open.is_empty() {
                    return;
                }
                let at = open.start + self.draw.below((open.end - open.start) as usize) as u64;
                self.bench.held.damage(&link, lane, at);
            }
            _ => {
                if let Some(segment) = self.bench.held.oldest() {
                    self.bench.tell(Input::Oldest(Box::new(segment)));
                }
            }
        }
    }

    fn answered(&mut self) {
        let lane = self.draw.lane();
        let sequence = *self.bench.kept().issued.get(lane);
        let ours = self.bench.kept().epoch;
        let id = MessageId {
            origin: self.draw.mostly(self.bench.here().clone(), Draw::code),
            epoch: ours.unwrap_or_else(|| self.draw.epoch()),
            lane,
            sequence: self.draw.near(sequence),
        };
        let answers = [Answer::Acknowledged, Answer::Completed, Answer::Failed];
        let answer = *self.draw.one_of(&answers).unwrap_or(&Answer::Failed);
        let ticket = self.bench.ticket(false);
        self.bench.tell(Input::Answered { ticket, id, answer, remark: None });
    }
}
