//! The arguments of `yizhan run`, and `yizhan config check | show`, which take the same.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Error;
use super::page::{Columns, Page, plain};
use crate::config::{Config, FILE_NAME, Flag, Layers, environment};

/// Run a station.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct RunOptions {
    /// The configuration file [default: ./yizhan.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The data directory (data.dir)
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The form of the log (log.format)
    #[arg(long, value_name = "FORM", value_parser = ["auto", "human", "json"])]
    pub log_format: Option<String>,
}

impl RunOptions {
    /// The layers: defaults, file, environment, these flags.
    pub fn layers(&self) -> Layers {
        let data = self.data.as_ref().map(|dir| Flag {
            flag: "--data",
            key: "data.dir",
            value: dir.to_string_lossy().into_owned(),
        });
        let format = self.log_format.as_ref().map(|format| Flag {
            flag: "--log-format",
            key: "log.format",
            value: format.clone(),
        });
        let flags: Vec<Flag> = data.into_iter().chain(format).collect();
        Layers::read(self.config.as_deref(), environment(), &flags)
    }

    /// The configuration to run with.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn config(&self) -> Result<Config, Error> {
        Ok(self.layers().config()?)
    }
}

/// Check or show the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say `ok`, or everything that is wrong with the configuration
    Check(Asked),
    /// Print every setting with where its value comes from
    Show(Asked),
}

/// What to check or show.
#[derive(Debug, Args)]
pub(super) struct Asked {
    #[command(flatten)]
    options: RunOptions,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Command {
    pub(super) fn run(&self, page: &mut Page) -> Result<(), Error> {
        match self {
            Self::Check(asked) => asked.check(page),
            Self::Show(asked) => asked.show(page),
        }
    }
}

impl Asked {
    fn check(&self, page: &mut Page) -> Result<(), Error> {
        let layers = self.options.layers();
        let file = layers.file().map(|file| file.display().to_string());
        match layers.config() {
            Ok(_) if self.json => page.print_json(&json!({"ok": true, "file": file})),
            Ok(_) => page.print(format!(
                "ok: {}",
                file.unwrap_or_else(|| format!("defaults and environment (no {FILE_NAME} here)"))
            )),
            Err(problems) if self.json => {
                let each = |problem: &crate::config::Problem| json!({"place": problem.place.to_string(), "text": problem.text});
                let all: Vec<_> = problems.iter().map(each).collect();
                page.print_json(&json!({"ok": false, "file": file, "problems": all}))?;
                Err(Error::Printed(all.len()))
            }
            Err(problems) => Err(problems.into()),
        }
    }

    fn show(&self, page: &mut Page) -> Result<(), Error> {
        let layers = self.options.layers();
        let settings = layers.settings();
        if self.json {
            let each = settings.iter().map(|setting| {
                json!({
                    "key": setting.key,
                    "value": setting.value,
                    "from": setting.place.to_string(),
                })
            });
            page.print_json(&each.collect::<Vec<_>>())?;
        } else {
            let words = page.words;
            let rows = settings.iter().map(|setting| {
                let value = setting.value.as_deref().unwrap_or("–");
                vec![plain(setting.key), plain(value), plain(&setting.place)]
            });
            let heads = &[words.key, words.value, words.source];
            page.print_table(Columns { heads, numbers: &[], gives_way: 1 }, rows)?;
        }
        // a wrong configuration is shown too, that is when one looks at it; but it is said
        layers.config().map(drop).map_err(Error::from)
    }
}
