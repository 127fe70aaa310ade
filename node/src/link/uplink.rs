//! [`Uplink`]: the station's way to its parent's bus.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use yizhan_core::fill::LegSource;
use yizhan_core::input::Input;
use yizhan_core::link::Link;
use yizhan_core::time::BootId;
use yizhan_schemas::frame::{Frame, Hello};
use yizhan_schemas::{Code, PerLane};

use super::porch::{Porch, Put};
use super::{Carrier, OUT_OF_PLACE, refuse};
use crate::audit::Audit;
use crate::bus::{BusError, Client, Subscription, subjects};
use crate::driver::Order;
use crate::mailbox::Mailbox;
use crate::query::{Board, Ears};
use crate::seal::Seals;

/// Longest wait for the answer to a hello. The core says another one long before, as soon as this
/// one is late by what is known of the line; on a very slow one that is all it needs.
const HELLO_TIMEOUT: Duration = Duration::from_secs(120);
/// A parent's bus that is away this long is worth a line in the log, one for each reason.
const SAY_AFTER: Duration = Duration::from_secs(3);

/// Everything that the uplink's tasks need.
pub struct Uplink {
    /// This station.
    pub here: Code,
    /// The connection to the parent's bus.
    pub client: Client,
    /// Where legs are read.
    pub legs: Arc<dyn LegSource>,
    /// What seals are made with and known by.
    pub seals: Seals,
    /// This boot of the machine.
    pub boot: BootId,
    /// The way to the core.
    pub mailbox: Mailbox,
    /// Where it is written down what was refused.
    pub audit: Audit,
    /// Where questions and answers go.
    pub board: Board,
}

impl Uplink {
    /// Runs until the core is gone.
    ///
    /// # Errors
    /// The subject of this station cannot be subscribed to.
    pub async fn run(self, orders: mpsc::Receiver<Order>) -> Result<(), BusError> {
        let subscription = self.client.subscribe(&subjects::down(&self.here)).await?;
        let questions = self.client.subscribe(&subjects::query(&self.here)).await?;
        let carrier = Carrier {
            client: self.client.clone(),
            subject: subjects::up(&self.here),
            legs: Arc::clone(&self.legs),
            signet: Arc::clone(&self.seals.signet),
            boot: self.boot,
            mailbox: self.mailbox.clone(),
        };
        let hello = {
            let (client, subject, mailbox) =
                (self.client.clone(), carrier.subject.clone(), self.mailbox.clone());
            move |said: Box<Hello>| {
                let (client, subject, mailbox) = (client.clone(), subject.clone(), mailbox.clone());
                tokio::spawn(async move { say_hello(&client, &subject, *said, &mailbox).await });
            }
        };
        let specimens = Arc::clone(&self.seals.register);
        let (mailbox, audit) = (self.mailbox.clone(), self.audit.clone());
        let (porch, reading) = Porch::open(Link::Up, specimens, mailbox, audit, &self.board);
        let ears = self.board.ears(Link::Up);
        tokio::select! {
            () = carrier.run(orders, hello) => {}
            () = listen(subscription, &porch) => {}
            () = reading => {}
            () = be_asked(questions, ears, &self.audit) => {}
            () = watch_connection(&self.client, &self.mailbox) => {}
        }
        Ok(())
    }
}

async fn say_hello(client: &Client, subject: &str, hello: Hello, mailbox: &Mailbox) {
    let counter = hello.counter;
    let input = match ask(client, subject, hello).await {
        Ok(Frame::Welcome(welcome)) => {
            // the loop looks the marks up: it knows the cursors
            Input::Welcomed { welcome: Box::new(welcome), marks: PerLane::default() }
        }
        Ok(Frame::Refused(refused)) => Input::Refused(refused),
        Ok(_) => Input::Unanswered { counter },
        Err(why) => {
            tracing::debug!(event = "hello_unanswered", why, "no answer to a hello");
            Input::Unanswered { counter }
        }
    };
    mailbox.tell(input).await;
}

async fn ask(client: &Client, subject: &str, hello: Hello) -> Result<Frame, String> {
    let bytes = Frame::Hello(hello).encode().map_err(|fault| fault.to_string())?;
    let reply = client.request(subject, bytes, HELLO_TIMEOUT).await;
    let reply = reply.map_err(|fault| fault.to_string())?;
    Frame::decode(&reply.payload).map_err(|fault| fault.to_string())
}

async fn listen(mut subscription: Subscription, porch: &Porch) {
    while let Some(message) = subscription.next().await {
        if porch.put(&message.payload) == Put::Nowhere {
            return;
        }
    }
}

/// Hears what the parent asks.
async fn be_asked(mut questions: Subscription, mut ears: Ears, audit: &Audit) {
    while let Some(message) = questions.next().await {
        match Frame::decode(&message.payload) {
            Ok(Frame::Query(query)) => ears.asked(query),
            Ok(_) => refuse(audit, &Link::Up, OUT_OF_PLACE),
            Err(fault) => refuse(audit, &Link::Up, &fault.to_string()),
        }
    }
}

async fn watch_connection(client: &Client, mailbox: &Mailbox) {
    let mut states = client.state();
    let (mut known, mut said) = (None, String::new());
    loop {
        let state = *states.borrow_and_update();
        // a reconnect that was over before we looked is a new connection all the same
        if known != Some((state.connected, state.connections)) {
            let was_up = matches!(known, Some((true, _)));
            if was_up && !mailbox.tell(Input::Disconnected).await {
                return;
            }
            if state.connected && !mailbox.tell(Input::Connected).await {
                return;
            }
            known = Some((state.connected, state.connections));
        }
        match tokio::time::timeout(SAY_AFTER, states.changed()).await {
            Ok(Ok(())) => said = String::new(),
            Ok(Err(_)) => return,
            Err(_) if state.connected => {}
            Err(_) => {
                let why = client.last_error();
                if why != said {
                    tracing::warn!(event = "parent_away", why, "no connection to the parent's bus");
                    said = why;
                }
            }
        }
    }
}
