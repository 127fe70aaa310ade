//! [`Caller`]: who hands a message in, as far as that decides what may be handed in.

use yizhan_core::draft::Draft;
use yizhan_schemas::payload::policy;
use yizhan_schemas::reply::{ErrorCode, Refusal};

/// Who hands a message in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// An application: whoever may publish.
    Publisher,
    /// A person who runs the station.
    Operator,
}

impl Caller {
    /// Whether such a caller may hand this in: whose keys are believed is no application's to say.
    ///
    /// # Errors
    /// `forbidden`.
    pub(super) fn check(self, draft: &Draft) -> Result<(), Refusal> {
        if self == Self::Operator || draft.kind.as_str() != policy::KIND {
            return Ok(());
        }
        // what cannot be read is refused by the station with its reason
        let set = policy::Set::read(draft.content_type.as_deref(), &draft.payload);
        if !set.is_ok_and(|set| set.speaks_of_keys()) {
            return Ok(());
        }
        Err(Refusal::new(
            ErrorCode::Forbidden,
            "keys are changed by an operator: valid is HTTP with an operator's token, as \
             `yizhan publish policy.set` does, and not a publisher's right",
        ))
    }
}
