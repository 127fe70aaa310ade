//! `yizhan spool forget`: takes a message out of the index of a station that does not run, as a
//! fault of its disk might; hidden, and there to show that `yizhan reconcile` finds it.

use clap::Args;
use yizhan_schemas::MessageId;

use super::super::Error;
use super::super::data_dir::DataDir;
use super::super::page::Page;
use super::data_of;
use crate::journal::forget;

/// Take a message out of a stopped station's index.
#[derive(Debug, Args)]
pub(in super::super) struct Forget {
    /// The message
    #[arg(value_name = "MESSAGE_ID")]
    id: MessageId,
    /// It is really to be taken out
    #[arg(long, required = true)]
    yes_i_mean_it: bool,
    #[command(flatten)]
    place: DataDir,
}

impl Forget {
    pub(super) fn run(&self, page: &mut Page) -> Result<(), Error> {
        forget(&data_of(&self.place)?, &self.id)?;
        page.print(format!(
            "{}: the index of this station has it no more; the custody log is as it was, and an \
             index that is made anew from it has the message again",
            self.id
        ))
    }
}
