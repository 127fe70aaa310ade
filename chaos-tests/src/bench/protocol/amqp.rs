//! AMQP: persistent messages into a durable queue, each with its publisher confirm; a consumer
//! that acknowledges takes them out.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{
    Acker, BasicProperties, Channel, Confirmation, Connection, Consumer, PublisherConfirm,
};
use tokio::sync::mpsc;

use crate::real::until::{SOON, until};

/// Written to disk, in a durable queue.
const PERSISTENT: u8 = 2;
/// Messages that the county's consumer may hold unacknowledged.
const PREFETCH: u16 = 1_000;
/// It acknowledges so many at once, or what it has when nothing comes for a moment.
const ACK_EVERY: usize = 64;
const MOMENT: Duration = Duration::from_millis(20);
/// A server that is starting may take a connection and say nothing.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// A connection with its channel: a channel does not outlive the connection's handle.
struct Line {
    _connection: Connection,
    channel: Channel,
}

/// See [`super::Desk`].
#[derive(Clone)]
pub struct Desk {
    line: Arc<Line>,
    queue: &'static str,
}

/// See [`super::Handing`].
pub struct Handing {
    desk: Desk,
    open: mpsc::UnboundedSender<PublisherConfirm>,
}

/// See [`super::Answers`].
pub struct Answers {
    open: mpsc::UnboundedReceiver<PublisherConfirm>,
}

/// See [`super::Inbox`].
pub struct Inbox {
    consumer: Consumer,
    held: usize,
    last: Option<Acker>,
    _line: Line,
}

impl Line {
    /// To a server that must be there soon; the queue is there then, whoever came first.
    async fn open(url: &str, queue: &str) -> Self {
        let try_once = || async {
            let connection = Connection::connect(url, Default::default()).await.ok()?;
            let channel = connection.create_channel().await.ok()?;
            let options = QueueDeclareOptions::durable();
            channel.queue_declare(queue.into(), options, FieldTable::default()).await.ok()?;
            Some(Self { _connection: connection, channel })
        };
        until(SOON, format!("a queue {queue} at {url}"), || async {
            tokio::time::timeout(CONNECT_WITHIN, try_once()).await.ok().flatten()
        })
        .await
    }
}

impl Desk {
    pub(super) async fn connect(url: &str, queue: &'static str) -> Self {
        let line = Line::open(url, queue).await;
        let confirming = line.channel.confirm_select(ConfirmSelectOptions::default()).await;
        confirming.expect("RabbitMQ confirms");
        Self { line: Arc::new(line), queue }
    }

    async fn publish(&self, body: &[u8]) -> Result<PublisherConfirm, String> {
        let (options, how) = (BasicPublishOptions::default(), BasicProperties::default());
        let how = how.with_delivery_mode(PERSISTENT);
        let channel = &self.line.channel;
        let sent = channel.basic_publish("".into(), self.queue.into(), options, body, how).await;
        sent.map_err(|why| why.to_string())
    }

    pub(super) async fn ask(&self, body: &[u8]) -> Result<(), String> {
        confirmed(self.publish(body).await?).await
    }

    pub(super) fn halves(&self) -> (Handing, Answers) {
        let (tell, open) = mpsc::unbounded_channel();
        (Handing { desk: self.clone(), open: tell }, Answers { open })
    }
}

impl Handing {
    pub(super) async fn hand_in(&self, body: &[u8]) -> Result<(), String> {
        let confirm = self.desk.publish(body).await?;
        self.open.send(confirm).map_err(|_| "nobody hears the answers any more".to_owned())
    }
}

impl Answers {
    pub(super) async fn next(&mut self) -> Result<(), String> {
        confirmed(self.open.recv().await.ok_or("no more was handed in")?).await
    }
}

async fn confirmed(confirm: PublisherConfirm) -> Result<(), String> {
    match confirm.await {
        Ok(Confirmation::Ack(_)) => Ok(()),
        Ok(other) => Err(format!("not taken: {other:?}")),
        Err(why) => Err(why.to_string()),
    }
}

impl Inbox {
    pub(super) async fn open(url: &str, queue: &str) -> Self {
        let line = Line::open(url, queue).await;
        let channel = &line.channel;
        channel.basic_qos(PREFETCH, BasicQosOptions::default()).await.expect("a prefetch");
        let (options, more) = (BasicConsumeOptions::default(), FieldTable::default());
        let consumer = channel.basic_consume(queue.into(), "".into(), options, more).await;
        let consumer = consumer.expect("a consumer of the county's queue");
        Self { consumer, held: 0, last: None, _line: line }
    }

    pub(super) async fn next(&mut self) -> Option<Bytes> {
        loop {
            match tokio::time::timeout(MOMENT, self.consumer.next()).await {
                Ok(Some(Ok(delivery))) => {
                    self.held += 1;
                    self.last = Some(delivery.acker);
                    if self.held >= ACK_EVERY {
                        self.acknowledge().await;
                    }
                    return Some(Bytes::from(delivery.data));
                }
                Ok(_) => return None,
                Err(_) => self.acknowledge().await,
            }
        }
    }

    async fn acknowledge(&mut self) {
        self.held = 0;
        if let Some(last) = self.last.take() {
            // one that is lost with its connection only brings the messages again
            let _ = last.ack(BasicAckOptions { multiple: true }).await;
        }
    }
}
