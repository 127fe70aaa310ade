//! `yizhan ack MESSAGE_ID`: answers a message that was delivered at a station, as an application
//! there would.

use clap::{Args, ValueEnum};
use serde_json::json;
use yizhan_schemas::{Answer, MessageId};

use super::Error;
use super::page::Page;
use super::station::{ANSWER_MAX, Way};

/// Answer a message that was delivered at a station.
#[derive(Debug, Args)]
pub(super) struct Ack {
    /// The message, as in 510722.101.002-b7k2qf-r1042
    #[arg(value_name = "MESSAGE_ID", value_parser = id)]
    id: MessageId,
    /// What to say: that it was read, that it is done, or that it did not work
    #[arg(long, value_name = "STATUS")]
    status: Status,
    /// The same in words
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Print the station's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    way: Way,
}

/// What an application can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Status {
    /// Somebody has read it
    Acknowledged,
    /// It has been done
    Completed,
    /// It was tried and did not work
    Failed,
}

impl Status {
    fn answer(self) -> Answer {
        match self {
            Self::Acknowledged => Answer::Acknowledged,
            Self::Completed => Answer::Completed,
            Self::Failed => Answer::Failed,
        }
    }
}

impl Ack {
    pub(super) async fn run(&self, page: &mut Page) -> Result<(), Error> {
        let station = self.way.station()?;
        let answer = self.status.answer();
        let request = station
            .post(&format!("/v1/messages/{}/ack", self.id))
            .timeout(ANSWER_MAX)
            .json(&json!({ "status": answer, "note": self.note }));
        let noted = station.json(station.send(request).await?).await?;
        match self.json {
            true => page.print_json(&noted),
            false => page.print(format!("{} {}", self.id, page.words.of(answer.word()))),
        }
    }
}

fn id(text: &str) -> Result<MessageId, String> {
    MessageId::parse(text)
        .map_err(|_| "valid is a message id, as in 510722.101.002-b7k2qf-r1042".to_owned())
}
