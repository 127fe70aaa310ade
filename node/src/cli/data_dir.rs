//! [`DataDir`]: how a command finds the data directory that it reads, running station or none.

use std::path::PathBuf;

use clap::Args;

use super::Error;
use crate::config::{Config, Layers, environment};

/// Whose data.
#[derive(Debug, Args)]
pub(super) struct DataDir {
    /// The station's data directory [default: data.dir of the configuration file]
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    data: Option<PathBuf>,
    /// The station's configuration file [default: ./yizhan.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl DataDir {
    /// The directory, and what else is known of its station.
    pub(super) fn find(&self) -> Result<(PathBuf, Option<Config>), Error> {
        if let Some(data) = &self.data {
            return Ok((data.clone(), None));
        }
        let config = Layers::read(self.config.as_deref(), environment(), &[]).config()?;
        Ok((config.data.dir.clone(), Some(config)))
    }
}
