//! [`print`]: the tables at the end.

use std::time::Duration;

use comfy_table::Cell;
use yizhan_schemas::Code;

use super::county::County;
use super::ledger::{Ledger, Verdict};
use super::receipts::Receipts;
use super::sentences::Sentences;
use super::traffic::Outcome;
use crate::cli::page::{Columns, Page, bad, good, plain};
use crate::cli::{Error, status};

/// Problems that are named.
const NAMED_MAX: usize = 20;

/// Prints what came of it: the count, the times of each hop, each station's share, and by name
/// what is not as it should be.
pub(super) fn print(
    page: &mut Page,
    sentences: Sentences,
    county: &County,
    outcome: &Outcome,
    verdict: &Verdict,
) -> Result<(), Error> {
    let table = Tables { sentences, county, outcome };
    page.print("")?;
    table.totals(page)?;
    page.print("")?;
    table.hops(page)?;
    page.print("")?;
    table.stations(page)?;
    page.print("")?;
    table.receipts(page)?;
    table.commands(page)?;
    page.print("")?;
    table.verdict(page, verdict)
}

struct Tables<'a> {
    sentences: Sentences,
    county: &'a County,
    outcome: &'a Outcome,
}

impl Tables<'_> {
    fn pick(&self, en: &'static str, zh: &'static str) -> &'static str {
        self.sentences.pick(en, zh)
    }

    /// The count of a part of all messages.
    fn count(&self, wanted: impl Fn(&str, &Code) -> bool) -> Verdict {
        let part: Ledger = self.outcome.ledger.part(wanted);
        part.verdict(&self.outcome.harvest.of(&part))
    }

    fn totals(&self, page: &mut Page) -> Result<(), Error> {
        let root = self.county.topology.root();
        let parts = [
            (self.pick("reports", "上报"), self.count(|_, origin| origin != root)),
            (self.pick("directives", "指令"), self.count(|_, origin| origin == root)),
        ];
        let heads = [
            "",
            self.pick("published", "已发布"),
            self.pick("accepted", "已接收"),
            self.pick("delivered", "已送达"),
            self.pick("duplicates", "重复"),
            self.pick("lost", "丢失"),
            self.pick("stray", "误投"),
        ];
        let rows = parts.map(|(name, part)| {
            let all = if part.accepted == part.published { good } else { bad };
            let none = |list: &Vec<String>| {
                if list.is_empty() { good(0) } else { bad(list.len()) }
            };
            vec![
                plain(name),
                plain(part.published),
                all(part.accepted.to_string()),
                plain(part.delivered),
                none(&part.double),
                none(&part.lost),
                none(&part.stray),
            ]
        });
        let numbers = &[1, 2, 3, 4, 5, 6];
        page.print_table(Columns { heads: &heads, numbers, gives_way: 0 }, rows)
    }

    fn hops(&self, page: &mut Page) -> Result<(), Error> {
        let tier = |depth| {
            let stations = self.county.topology.stations().map(|station| &station.code);
            stations.filter(move |code| self.county.topology.depth(code) == Some(depth))
        };
        let hop = |name: String, depth, link| {
            let quantile = |share| self.outcome.handovers.quantile(tier(depth), link, share);
            let guessed = |time: Option<Duration>| {
                plain(time.map_or("–".to_owned(), |time| format!("≈ {}", written(time))))
            };
            vec![plain(name), guessed(quantile(0.5)), guessed(quantile(0.99)), plain("")]
        };
        let times = &self.outcome.end_to_end_us;
        let exact = |us: u64| plain(written(Duration::from_micros(us)));
        let village = self.pick("village → township", "村 → 乡镇");
        let township = self.pick("township → county", "乡镇 → 县");
        let inbox = self.pick("county → its inbox", "县 → 县收件箱");
        let whole = self.pick("publisher → county's inbox", "上报人 → 县收件箱");
        let rows = [
            hop(village.to_owned(), 2, "up"),
            hop(township.to_owned(), 1, "up"),
            hop(inbox.to_owned(), 0, "inbox"),
            vec![
                plain(whole),
                exact(times.value_at_quantile(0.5)),
                exact(times.value_at_quantile(0.99)),
                exact(times.max()),
            ],
        ];
        let heads = &[self.pick("time", "用时"), "p50", "p99", self.pick("longest", "最长")];
        page.print_table(Columns { heads, numbers: &[1, 2, 3], gives_way: 0 }, rows)?;
        match self.outcome.retries {
            0 => Ok(()),
            retries => page.print(format!(
                "{}{retries}",
                self.pick("publishers' retries: ", "上报人重试次数：")
            )),
        }
    }

    fn stations(&self, page: &mut Page) -> Result<(), Error> {
        let root = self.county.topology.root();
        let row = |code: &Code, name: &str| -> Vec<Cell> {
            let reports = self.count(|_, origin| origin == code && origin != root);
            let directives = self.outcome.ledger.part(|_, origin| origin == root);
            let (has, wanted) = directives.at(code, &self.outcome.harvest);
            let shown = format!("{has}/{wanted}");
            let number = |count: usize| match reports.published {
                0 => plain("–"),
                _ => plain(count),
            };
            vec![
                plain(code),
                plain(name),
                number(reports.published),
                number(reports.accepted),
                match reports.delivered == reports.accepted {
                    true => number(reports.delivered),
                    false => bad(reports.delivered),
                },
                if has == wanted { good(shown) } else { bad(shown) },
            ]
        };
        let rows = self.county.sites().map(|site| row(&site.code, &site.name));
        let heads = &[
            self.pick("station", "站点"),
            self.pick("name", "名称"),
            self.pick("published", "已发布"),
            self.pick("accepted", "已接收"),
            self.pick("at the county", "已到县"),
            self.pick("directives", "指令"),
        ];
        page.print_table(Columns { heads, numbers: &[2, 3, 4, 5], gives_way: 1 }, rows)
    }

    fn receipts(&self, page: &mut Page) -> Result<(), Error> {
        let [reports, directives] = &self.outcome.receipts;
        let row = |name: &str, receipts: &Receipts| {
            let none = |list: &Vec<String>| {
                if list.is_empty() { good(0) } else { bad(list.len()) }
            };
            vec![
                plain(name),
                plain(receipts.pairs),
                plain(receipts.delivered),
                none(&receipts.other),
                none(&receipts.open),
            ]
        };
        let rows = [
            row(self.pick("of reports", "上报"), reports),
            row(self.pick("of directives", "指令"), directives),
        ];
        let heads = [
            self.pick("receipts at origin", "发送站点所知"),
            self.pick("targets", "应达"),
            self.pick("delivered", "已送达"),
            self.pick("otherwise", "其他结果"),
            self.pick("not known", "未知"),
        ];
        page.print_table(Columns { heads: &heads, numbers: &[1, 2, 3, 4], gives_way: 0 }, rows)
    }

    fn commands(&self, page: &mut Page) -> Result<(), Error> {
        for command in &self.outcome.commands.pages {
            page.print("")?;
            status::message::print(command, page)?;
        }
        let asked = self.outcome.commands.asked.iter();
        let asked: Vec<_> = asked.map(|one| format!("{} ({})", one.command, one.id)).collect();
        let said = self.pick("the camera was asked: ", "摄像头收到：");
        page.print(format!("\n{said}{}", asked.join(", ")))
    }

    fn verdict(&self, page: &mut Page, verdict: &Verdict) -> Result<(), Error> {
        let commands = self.outcome.commands.problems();
        let receipts = self.outcome.receipts.iter();
        let unknown = receipts.flat_map(|receipts| {
            let named = |word, list: &Vec<String>| {
                list.iter().map(|what| (word, what.clone())).collect::<Vec<_>>()
            };
            let open = named("not known at its origin", &receipts.open);
            open.into_iter().chain(named("ended otherwise", &receipts.other))
        });
        let problems = verdict.problems().map(|(word, what)| (word, what.clone()));
        let commands = commands.into_iter().map(|what| ("video", what));
        let problems: Vec<_> = problems.chain(unknown).chain(commands).collect();
        if problems.is_empty() {
            return page.print(self.pick(
                "Every accepted report is in the county's inbox exactly once,\n\
                 every directive exactly once in each inbox that it is for, and in no other;\n\
                 every origin knows what became of what it sent; no late command was run.",
                "每条已接收的上报在县收件箱中恰有一份；\n每条指令在每个应达收件箱中恰有一份，别处没有；\n\
                 各发送站点均知悉所发消息的结果；过期的视频指令没有执行。",
            ));
        }
        for (word, what) in problems.iter().take(NAMED_MAX) {
            page.print(format!("{word}: {what}"))?;
        }
        match problems.len().saturating_sub(NAMED_MAX) {
            0 => Ok(()),
            more => page.print(format!("… {more}")),
        }
    }
}

/// A time as people read it, to three digits.
fn written(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    match ms {
        0.0..10.0 => format!("{ms:.1} ms"),
        10.0..1000.0 => format!("{ms:.0} ms"),
        _ => format!("{:.1} s", ms / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_unit_that_suits_them() {
        let micros = [0, 830, 12_345, 999_000, 9_800_000];
        let texts = micros.map(|us| written(Duration::from_micros(us)));
        assert_eq!(texts, ["0.0 ms", "0.8 ms", "12 ms", "999 ms", "9.8 s"]);
    }
}
