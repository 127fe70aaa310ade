//! [`Said`]: what a message says of a matter, read without the product's own reader.

use serde_json::Value;
use yizhan_schemas::MessageId;
use yizhan_schemas::payload::stats::Family;

/// What a message says of a matter.
#[allow(missing_docs, reason = "the words of the payloads")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// An incident is reported.
    Report { category: String },
    /// It takes a step.
    Step { subject: MessageId, step: String, reason: bool },
    /// A case is opened.
    Open { category: String },
    /// The tier above is asked to take it.
    Apply { subject: MessageId, category: String, history: Vec<MessageId> },
    /// A mediation was tried.
    Attempt { subject: MessageId },
    /// A case is taken from below.
    Accept { subject: MessageId },
    /// It is sent back.
    Return { subject: MessageId },
    /// It is over.
    Close { subject: MessageId },
    /// A third party judges it.
    Evaluate { subject: MessageId },
}

impl Said {
    /// What a message of this kind says; nothing if it is none of a story's matters.
    pub fn read(kind: &str, payload: &[u8]) -> Option<Self> {
        if !kind.starts_with("incident.") && !kind.starts_with("case.") {
            return None;
        }
        let body: Value = serde_json::from_slice(payload).ok()?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let id = |value: &Value| MessageId::parse(value.as_str()?).ok();
        let subject = || body.get("subject").and_then(id);
        Some(match kind {
            "incident.report" => Self::Report { category: text("category")? },
            "incident.update" => Self::Step {
                subject: subject()?,
                step: text("step")?,
                reason: body.get("reason").is_some(),
            },
            "case.open" => Self::Open { category: text("category")? },
            "case.apply" => {
                let entries = body.get("history")?.as_array()?;
                let history = entries.iter().filter_map(|entry| id(entry.get("id")?)).collect();
                Self::Apply { subject: subject()?, category: text("category")?, history }
            }
            "case.attempt" => Self::Attempt { subject: subject()? },
            "case.accept" => Self::Accept { subject: subject()? },
            "case.return" => Self::Return { subject: subject()? },
            "case.close" => Self::Close { subject: subject()? },
            "case.evaluate" => Self::Evaluate { subject: subject()? },
            _ => return None,
        })
    }

    /// The matter that it is about, if that is another message.
    pub fn subject(&self) -> Option<&MessageId> {
        match self {
            Self::Report { .. } | Self::Open { .. } => None,
            Self::Step { subject, .. }
            | Self::Apply { subject, .. }
            | Self::Attempt { subject }
            | Self::Accept { subject }
            | Self::Return { subject }
            | Self::Close { subject }
            | Self::Evaluate { subject } => Some(subject),
        }
    }

    /// What its refusal is counted under.
    pub fn family(&self) -> Family {
        match self {
            Self::Report { .. } | Self::Step { .. } => Family::Incident,
            _ => Family::Case,
        }
    }

    /// True if it takes an incident back.
    pub fn cancels(&self) -> bool {
        matches!(self, Self::Step { step, .. } if step == "cancelled")
    }
}
