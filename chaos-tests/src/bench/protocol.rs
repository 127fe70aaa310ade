//! [`Desk`] and [`Inbox`]: handing in at the village, and taking out at the county, in whatever
//! the servers there speak. An answer always means what the peer's own acknowledgement means.

mod amqp;
mod mqtt;
mod nats;

use bytes::Bytes;

use super::ends::{Ends, Speaks};

/// What goes with a report; AMQP's and MQTT's servers here have no use for it and are not sent it.
pub type Headers = Vec<(&'static str, String)>;

/// A connection to the village. Cheap to clone: clones share it, and hand in by turns.
#[derive(Clone)]
pub enum Desk {
    /// NATS.
    Nats(nats::Desk),
    /// AMQP.
    Amqp(amqp::Desk),
    /// MQTT.
    Mqtt(mqtt::Desk),
}

/// The half that hands in.
pub enum Handing {
    /// NATS.
    Nats(nats::Handing),
    /// AMQP.
    Amqp(amqp::Handing),
    /// MQTT.
    Mqtt(mqtt::Handing),
}

/// The half that hears: one answer for each report.
pub enum Answers {
    /// NATS.
    Nats(nats::Answers),
    /// AMQP.
    Amqp(amqp::Answers),
    /// MQTT.
    Mqtt(mqtt::Answers),
}

/// What comes out at the county. Dropping it ends it.
pub enum Inbox {
    /// NATS.
    Nats(Box<nats::Inbox>),
    /// AMQP.
    Amqp(amqp::Inbox),
    /// MQTT.
    Mqtt(mqtt::Inbox),
}

impl Desk {
    /// Connects.
    pub async fn at_village(ends: &Ends) -> Self {
        match ends.speaks {
            Speaks::Nats { subject, taken, .. } => {
                Self::Nats(nats::Desk::connect(&ends.village, subject, taken).await)
            }
            Speaks::Amqp { queue } => {
                Self::Amqp(amqp::Desk::connect(&ends.village.url, queue).await)
            }
            Speaks::Mqtt { topic } => {
                Self::Mqtt(mqtt::Desk::connect(&ends.village.url, topic).await)
            }
        }
    }

    /// Hands one in and waits for its answer.
    ///
    /// # Errors
    /// It was not taken, or nobody says.
    pub async fn ask(&self, body: Bytes, headers: Headers) -> Result<(), String> {
        match self {
            Self::Nats(desk) => desk.ask(body, headers).await,
            Self::Amqp(desk) => desk.ask(&body).await,
            Self::Mqtt(desk) => desk.ask(body).await,
        }
    }

    /// For many, whose answers are heard while others are handed in.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn halves(&self) -> Result<(Handing, Answers), String> {
        Ok(match self {
            Self::Nats(desk) => {
                let (handing, answers) = desk.halves().await?;
                (Handing::Nats(handing), Answers::Nats(answers))
            }
            Self::Amqp(desk) => {
                let (handing, answers) = desk.halves();
                (Handing::Amqp(handing), Answers::Amqp(answers))
            }
            Self::Mqtt(desk) => {
                let (handing, answers) = desk.halves().await;
                (Handing::Mqtt(handing), Answers::Mqtt(answers))
            }
        })
    }
}

impl Handing {
    /// Hands one in.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn hand_in(&self, body: Bytes, headers: Headers) -> Result<(), String> {
        match self {
            Self::Nats(handing) => handing.hand_in(body, headers).await,
            Self::Amqp(handing) => handing.hand_in(&body).await,
            Self::Mqtt(handing) => handing.hand_in(body).await,
        }
    }
}

impl Answers {
    /// The next one: taken, or what was said instead.
    ///
    /// # Errors
    /// A report was not taken, or no answer will come any more.
    pub async fn next(&mut self) -> Result<(), String> {
        match self {
            Self::Nats(answers) => answers.next().await,
            Self::Amqp(answers) => answers.next().await,
            Self::Mqtt(answers) => answers.next().await,
        }
    }
}

impl Inbox {
    /// Takes what comes from now on.
    pub async fn at_county(ends: &Ends) -> Self {
        match ends.speaks {
            Speaks::Nats { stream, .. } => {
                Self::Nats(Box::new(nats::Inbox::open(&ends.county, stream).await))
            }
            Speaks::Amqp { queue } => Self::Amqp(amqp::Inbox::open(&ends.county.url, queue).await),
            Speaks::Mqtt { topic } => Self::Mqtt(mqtt::Inbox::open(&ends.county.url, topic).await),
        }
    }

    /// The next body; none when the connection is gone.
    pub async fn next(&mut self) -> Option<Bytes> {
        match self {
            Self::Nats(inbox) => inbox.next().await,
            Self::Amqp(inbox) => inbox.next().await,
            Self::Mqtt(inbox) => inbox.next().await,
        }
    }
}
