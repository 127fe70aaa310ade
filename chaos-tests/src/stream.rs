//! [`Stream`]: the inbox of one station: appends at an expected sequence, forgets at a power cut
//! what was not synced.

use rand::Rng;
use rand::rngs::SmallRng;
use yizhan_schemas::MessageId;

/// A pretend `YZ_INBOX`.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Creation time.
    pub created_ns: i64,
    /// What is in it, by sequence from 1.
    pub messages: Vec<MessageId>,
    synced: usize,
}

impl Stream {
    /// An empty one.
    pub fn create(created_ns: i64) -> Self {
        Self { created_ns, messages: Vec::new(), synced: 0 }
    }

    /// The last sequence.
    pub fn last_sequence(&self) -> u64 {
        self.messages.len() as u64
    }

    /// Appends if the stream stands just before `sequence`.
    pub fn append(&mut self, sequence: u64, id: MessageId) -> bool {
        let fits = self.last_sequence() + 1 == sequence;
        if fits {
            self.messages.push(id);
        }
        fits
    }

    /// Syncs its files.
    pub fn sync(&mut self) {
        self.synced = self.messages.len();
    }

    /// Loses some of what was not synced.
    pub fn cut_power(&mut self, dice: &mut SmallRng) {
        let keep = dice.random_range(self.synced..=self.messages.len());
        self.messages.truncate(keep);
        self.synced = keep;
    }
}
