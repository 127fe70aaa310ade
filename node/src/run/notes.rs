//! [`Notes`]: who handed in what, or was not let, for the audit log.

use yizhan_schemas::Kind;
use yizhan_schemas::reply::{Accepted, Refusal};

use crate::audit::witness::Witness;
use crate::audit::{Audit, Deed};

/// What is noted of requests.
pub(super) struct Notes {
    witness: Witness,
    audit: Audit,
}

impl Notes {
    /// Those that go into this log.
    pub(super) fn new(audit: Audit) -> Self {
        Self { witness: Witness::new(audit.clone()), audit }
    }

    /// A message was taken, or not.
    pub(super) fn submitted(&mut self, who: &str, kind: &Kind, said: &Result<Accepted, Refusal>) {
        match said {
            // it was written down when it came first
            Ok(accepted) if accepted.duplicate => {}
            Ok(accepted) => self.witness.message("issued", who, kind, &accepted.id),
            Err(refusal) => self.refused(who, kind.as_str(), refusal),
        }
    }

    /// What somebody handed in was refused. What lies with the station is no deed of theirs.
    pub(super) fn refused(&self, who: &str, what: &str, refusal: &Refusal) {
        let code = refusal.code;
        if code.http_status() < 500 {
            let deed = Deed::refused("submit_refused", who, code.as_str());
            self.audit.note(deed.to(what).detail(&refusal.message));
        }
    }

    /// A message was answered by an application, or not.
    pub(super) fn answered(&self, who: &str, id: &str, said: &Result<(), Refusal>) {
        match said {
            Ok(()) => self.audit.note(Deed::done("answered", who).to(id)),
            Err(refusal) => self.refused(who, id, refusal),
        }
    }

    /// The end of a turn.
    pub(super) fn tell(&mut self) {
        self.witness.tell();
    }
}
