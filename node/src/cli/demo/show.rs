//! [`Show`]: what people see while the demo runs: lines with the time, and bars on a terminal.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::sentences::{Progress, Sentences};

/// How often a line says how far it is, where there are no bars.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Where the demo says what it does. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Show {
    began: Instant,
    pub(super) sentences: Sentences,
    /// `None` where nobody would see them move.
    bars: Option<Bars>,
    last: Arc<Mutex<Option<(Instant, Progress)>>>,
}

#[derive(Debug, Clone)]
struct Bars {
    all: MultiProgress,
    published: ProgressBar,
    accepted: ProgressBar,
    arrived: ProgressBar,
}

impl Show {
    /// On standard output.
    pub(super) fn new(sentences: Sentences) -> Self {
        let bars = std::io::stdout().is_terminal().then(|| Bars::new(sentences));
        Self { began: Instant::now(), sentences, bars, last: Arc::default() }
    }

    /// Says something, with the time since the beginning.
    pub(super) fn say(&self, text: impl AsRef<str>) {
        let seconds = self.began.elapsed().as_secs_f64();
        let line = format!("{seconds:6.1} s  {}", text.as_ref());
        match &self.bars {
            Some(bars) if !bars.all.is_hidden() => drop(bars.all.println(line)),
            // nobody who reads is no reason to stop halfway
            _ => drop(writeln!(std::io::stdout(), "{line}")),
        }
    }

    /// Shows how far it is.
    pub(super) fn progress(&self, now: Progress) {
        if let Some(bars) = &self.bars {
            return bars.set(now);
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = match &*last {
            Some((at, before)) => at.elapsed() >= LINE_EVERY && *before != now,
            None => now.published > 0,
        };
        if due {
            *last = Some((Instant::now(), now));
            self.say(self.sentences.progress(now));
        }
    }

    /// Takes the bars away; what they showed is in the table.
    pub(super) fn end(&self) {
        if let Some(bars) = &self.bars {
            let _ = bars.all.clear();
            bars.all.set_draw_target(ProgressDrawTarget::hidden());
        }
    }
}

impl Bars {
    fn new(sentences: Sentences) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        let style =
            ProgressStyle::with_template("  {prefix:<24} {bar:40.cyan/blue} {pos:>5}/{len}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = |en, zh| {
            let prefix = sentences.pick(en, zh).to_owned();
            ProgressBar::hidden().with_style(style.clone()).with_prefix(prefix)
        };
        Self {
            published: bar("published", "已发布"),
            accepted: bar("accepted", "已接收"),
            arrived: bar("in the county's inbox", "已到县收件箱"),
            all,
        }
    }

    fn set(&self, now: Progress) {
        let bars = [
            (&self.published, now.published),
            (&self.accepted, now.accepted),
            (&self.arrived, now.arrived),
        ];
        for (bar, position) in bars {
            // the first time, when there is something to show
            if bar.length() != Some(now.of as u64) {
                bar.set_length(now.of as u64);
                self.all.add(bar.clone());
            }
            bar.set_position(position as u64);
        }
    }
}
