//! [`Sentences`]: what the demo says while it runs, in English and in Chinese.

use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use yizhan_schemas::{Code, MessageId};

use crate::cli::words::Lang;

/// Sentences of one language.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sentences(pub(super) Lang);

/// How far the demo is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Progress {
    /// Reports that a publisher has begun to hand in.
    pub(super) published: usize,
    /// Of these, accepted.
    pub(super) accepted: usize,
    /// Of these, in the county's inbox.
    pub(super) arrived: usize,
    /// All that there will be.
    pub(super) of: usize,
}

impl Sentences {
    /// One of two.
    pub(super) fn pick<'a>(self, en: &'a str, zh: &'a str) -> &'a str {
        match self.0 {
            Lang::En => en,
            Lang::Zh => zh,
        }
    }

    fn either(self, en: impl FnOnce() -> String, zh: impl FnOnce() -> String) -> String {
        match self.0 {
            Lang::En => en(),
            Lang::Zh => zh(),
        }
    }

    pub(super) fn starting(self, stations: usize, dir: &Path) -> String {
        let dir = dir.display();
        self.either(
            || format!("starting {stations} stations in {dir}"),
            || format!("启动 {stations} 个站点，目录 {dir}"),
        )
    }

    pub(super) fn ready(self, stations: usize) -> String {
        self.either(
            || format!("{stations} stations are ready"),
            || format!("{stations} 个站点就绪"),
        )
    }

    pub(super) fn traffic(self, reports: usize, seed: u64) -> String {
        self.either(
            || format!("publishing {reports} real reports at the villages, by NATS and HTTP; seed {seed}"),
            || format!("各村经 NATS 和 HTTP 上报 {reports} 条真实事件，种子 {seed}"),
        )
    }

    pub(super) fn spans(self, spans: u64, url: &str) -> String {
        self.either(
            || format!("{spans} spans of all stations are at {url}, by way of the county"),
            || format!("全县 {spans} 条跨度已经县站送达 {url}"),
        )
    }

    pub(super) fn trace(self, id: &MessageId, trace: &str) -> String {
        self.either(
            || format!("a report that crossed all tiers: trace {trace}, message {id}"),
            || format!("一条跨三级的上报：跟踪 {trace}，消息 {id}"),
        )
    }

    pub(super) fn scenes(self) -> &'static str {
        self.pick(
            "now what messages mean: a case, an incident that nobody handles, an exercise, the books",
            "再演五幕：一件纠纷、一起无人处置的事件、一次演练、两次对账",
        )
    }

    pub(super) fn case_climbed(self, case: &MessageId, attempts: usize) -> String {
        self.either(
            || {
                format!(
                    "case {case}: from village to county after {attempts} attempts, settled there"
                )
            },
            || format!("纠纷 {case} 经 {attempts} 次调解由村逐级上报到县，在县办结"),
        )
    }

    pub(super) fn incident_rose(self, id: &MessageId, township: &Code) -> String {
        self.either(
            || format!("incident {id}: handled by nobody, went up, closed at {township}"),
            || format!("事件 {id} 逾期无人处置，自动上报，由 {township} 办结"),
        )
    }

    pub(super) fn books_agree(self, links: usize, messages: u64) -> String {
        self.either(
            || format!("reconciled: {links} links agree on {messages} messages that crossed today"),
            || format!("对账：{links} 条链路、当日 {messages} 条次全部一致"),
        )
    }

    pub(super) fn books_miss(self, id: &MessageId, village: &Code) -> String {
        self.either(
            || format!("one record taken away at {village}, and named: {id}"),
            || format!("从 {village} 删去一条记录，对账点名：{id}"),
        )
    }

    pub(super) fn broadcast_reached(self, to: &str, reached: usize) -> String {
        self.either(
            || format!("exercise to {to}: delivered {reached}/{reached}"),
            || format!("演练广播 {to}：送达 {reached}/{reached}"),
        )
    }

    pub(super) fn ended(self, code: &Code, how: Option<ExitStatus>) -> String {
        let how = how.map_or_else(|| "?".to_owned(), |how| how.to_string());
        self.either(
            || format!("station {code} ended ({how}); starting it again"),
            || format!("站点 {code} 退出（{how}），正在重启"),
        )
    }

    pub(super) fn cut(self, township: &Code, bus: u32, time: Duration) -> String {
        let seconds = time.as_secs();
        self.either(
            || format!("SIGSTOP to the bus of {township} (pid {bus}): its villages are cut off for {seconds} s"),
            || format!("暂停 {township} 的总线（进程 {bus}）：所辖各村断联 {seconds} 秒"),
        )
    }

    pub(super) fn healed(self, township: &Code, accepted: usize) -> String {
        self.either(
            || format!("SIGCONT to the bus of {township}: its villages accepted {accepted} reports meanwhile"),
            || format!("恢复 {township} 的总线：断联期间所辖各村仍接收 {accepted} 条"),
        )
    }

    pub(super) fn killed(self, township: &Code, pid: u32) -> String {
        self.either(
            || format!("kill -9 of the station {township} (pid {pid}); its bus dies with it"),
            || format!("kill -9 站点 {township}（进程 {pid}），其总线随之终止"),
        )
    }

    pub(super) fn directed(self, to: &str, id: &str) -> String {
        self.either(
            || format!("directive to {to} accepted at the county: {id}"),
            || format!("县级指令已接收，送往 {to}：{id}"),
        )
    }

    pub(super) fn commanded(self, what: &str, ttl_s: Option<u64>, id: &str) -> String {
        let (en, zh) = ttl_s.map_or_else(Default::default, |ttl| {
            (format!(", good for {ttl} s,"), format!("，{ttl} 秒内有效"))
        });
        self.either(
            || format!("video {what}{en} accepted at the county: {id}"),
            || format!("县级视频指令 {what}{zh}，已接收：{id}"),
        )
    }

    pub(super) fn asking(self) -> String {
        self.pick("asking every origin what it knows of what it sent", "向各发送站点核对回执")
            .to_owned()
    }

    pub(super) fn settling(self) -> String {
        self.pick("all is published; waiting until all is there", "发布完毕，等待全部送达")
            .to_owned()
    }

    pub(super) fn settled(self, seconds: f64) -> String {
        self.either(
            || format!("all inboxes have what they should, {seconds:.1} s after the last was published; counting"),
            || format!("最后一条发布后 {seconds:.1} 秒全部送达，开始清点"),
        )
    }

    pub(super) fn unsettled(self, seconds: u64) -> String {
        self.either(
            || format!("not all is there {seconds} s after the last was published; counting"),
            || format!("最后一条发布后 {seconds} 秒仍未全部送达，开始清点"),
        )
    }

    pub(super) fn stopping(self) -> String {
        self.pick("stopping the stations", "停止各站点").to_owned()
    }

    pub(super) fn kept(self, dir: &Path) -> String {
        let dir = dir.display();
        self.either(
            || format!("data and logs are left in {dir}"),
            || format!("数据与日志保留在 {dir}"),
        )
    }

    pub(super) fn progress(self, now: Progress) -> String {
        let Progress { published, accepted, arrived, of } = now;
        self.either(
            || format!("published {published}/{of}, accepted {accepted}, in the county's inbox {arrived}"),
            || format!("已发布 {published}/{of}，已接收 {accepted}，已到县 {arrived}"),
        )
    }
}
