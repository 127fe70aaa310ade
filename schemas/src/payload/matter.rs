//! [`Word`]: what a payload says of a matter (an incident or a case), as far as a station must know
//! that keeps the matter's state. Everything else in the payload stays opaque to it.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

use super::incident::Severity;
use super::incident::update::Step;
use super::notice::MsgType;
use super::stats::Family;
use crate::{Kind, MessageId};

/// Longest category that is counted apart, bytes; longer ones are cut.
pub const CATEGORY_BYTES_MAX: usize = 60;

/// What a payload says of a matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// `incident.report`
    Reported {
        /// Its category.
        category: String,
        /// How bad it is.
        severity: Severity,
    },
    /// `incident.update`
    Step {
        /// The report.
        subject: MessageId,
        /// What was done.
        step: Step,
        /// Why.
        reason: Option<String>,
    },
    /// `case.open`
    Opened {
        /// Its category.
        category: String,
    },
    /// `case.attempt`
    Attempted {
        /// The case.
        subject: MessageId,
    },
    /// `case.apply`
    Applied {
        /// The case on the tier that applies.
        subject: MessageId,
        /// Its category.
        category: String,
        /// The messages that the history names.
        history: Vec<MessageId>,
    },
    /// `case.accept`
    Accepted {
        /// The application.
        subject: MessageId,
    },
    /// `case.return`
    Returned {
        /// The application.
        subject: MessageId,
        /// Why.
        reason: String,
    },
    /// `case.close`
    Closed {
        /// The case.
        subject: MessageId,
    },
    /// `case.evaluate`
    Evaluated {
        /// The case.
        subject: MessageId,
    },
    /// A directive or broadcast that stands in the place of earlier ones, or takes them back.
    TakesBack {
        /// Those.
        references: Vec<MessageId>,
    },
}

impl Word {
    /// Reads a payload: MessagePack if its content type says so, else JSON. `None` for kinds that
    /// say nothing of a matter.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(
        kind: &Kind,
        content_type: Option<&str>,
        payload: &[u8],
    ) -> Option<Result<Self, String>> {
        let body = Body { packed: super::is_packed(content_type), bytes: payload };
        Some(match kind.as_str() {
            "incident.report" => body.report(),
            "incident.update" => body.read().map(|it: StepBody| Self::Step {
                subject: it.subject,
                step: it.step,
                reason: it.reason,
            }),
            "case.open" => body
                .read()
                .map(|it: CategoryBody| Self::Opened { category: category(it.counted()) }),
            "case.attempt" => body.subject().map(|subject| Self::Attempted { subject }),
            "case.apply" => body.read().map(|it: ApplyBody| Self::Applied {
                subject: it.subject,
                category: category(it.category.as_deref()),
                history: it.history.into_iter().map(|entry| entry.id).collect(),
            }),
            "case.accept" => body.subject().map(|subject| Self::Accepted { subject }),
            "case.return" => body
                .read()
                .map(|it: ReturnBody| Self::Returned { subject: it.subject, reason: it.reason }),
            "case.close" => body.subject().map(|subject| Self::Closed { subject }),
            "case.evaluate" => body.subject().map(|subject| Self::Evaluated { subject }),
            "directive.issue" | "broadcast.issue" => return body.notice(),
            _ => return None,
        })
    }

    /// The matter that it is about, if that is another message.
    pub fn subject(&self) -> Option<&MessageId> {
        match self {
            Self::Reported { .. } | Self::Opened { .. } | Self::TakesBack { .. } => None,
            Self::Step { subject, .. }
            | Self::Attempted { subject }
            | Self::Applied { subject, .. }
            | Self::Accepted { subject }
            | Self::Returned { subject, .. }
            | Self::Closed { subject }
            | Self::Evaluated { subject } => Some(subject),
        }
    }
}

/// A category as it is counted: cut to its limit, `-` where there is none.
pub fn category(text: Option<&str>) -> String {
    let text = text.filter(|text| !text.is_empty()).unwrap_or("-");
    let ends = text.char_indices().map(|(at, char)| at + char.len_utf8());
    let end = ends.take_while(|end| *end <= CATEGORY_BYTES_MAX).last().unwrap_or(0);
    text.get(..end).unwrap_or_default().to_owned()
}

/// The county's code in a `mapped_code`, without the version of the table before it.
fn mapped(text: &str) -> Option<&str> {
    let code = text.split_once(':').map_or(text, |(_, code)| code);
    (!code.is_empty()).then_some(code)
}

/// What a message that opens a matter calls its category in the system that it comes from; `None`
/// if its publisher has said what that is in the county's list, and of all others.
pub fn source(kind: &Kind, content_type: Option<&str>, payload: &[u8]) -> Option<(Family, String)> {
    let family = match kind.as_str() {
        "incident.report" => Family::Incident,
        "case.open" | "case.apply" => Family::Case,
        _ => return None,
    };
    let body = Body { packed: super::is_packed(content_type), bytes: payload };
    let it: CategoryBody = body.read().ok()?;
    if it.mapped_code.as_deref().and_then(mapped).is_some() {
        return None;
    }
    Some((family, it.source_code.or(it.category)?))
}

struct Body<'a> {
    packed: bool,
    bytes: &'a [u8],
}

impl<'a> Body<'a> {
    fn read<T: Deserialize<'a>>(&self) -> Result<T, String> {
        if self.packed {
            return rmp_serde::from_slice(self.bytes).map_err(|fault| fault.to_string());
        }
        serde_json::from_slice(self.bytes).map_err(|fault| fault.to_string())
    }

    fn report(&self) -> Result<Word, String> {
        let it: ReportBody<'_> = self.read()?;
        let counted = it.mapped_code.as_deref().and_then(mapped).unwrap_or(&it.category);
        Ok(Word::Reported { category: category(Some(counted)), severity: it.severity })
    }

    /// Most directives speak of no other.
    fn notice(&self) -> Option<Result<Word, String>> {
        let it: Result<NoticeBody, String> = self.read();
        match it {
            Ok(it) if it.msg_type == MsgType::Alert || it.references.is_empty() => None,
            Ok(it) => Some(Ok(Word::TakesBack { references: it.references })),
            Err(why) => Some(Err(why)),
        }
    }

    fn subject(&self) -> Result<MessageId, String> {
        self.read().map(|it: SubjectBody| it.subject)
    }
}

#[derive(Deserialize)]
struct ReportBody<'a> {
    #[serde(borrow)]
    category: Cow<'a, str>,
    severity: Severity,
    #[serde(borrow, default)]
    mapped_code: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct NoticeBody {
    #[serde(default, rename = "msgType")]
    msg_type: MsgType,
    #[serde(default)]
    references: Vec<MessageId>,
}

#[derive(Deserialize)]
struct CategoryBody {
    #[serde(default, deserialize_with = "lenient")]
    category: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    source_code: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    mapped_code: Option<String>,
}

impl CategoryBody {
    fn counted(&self) -> Option<&str> {
        self.mapped_code.as_deref().and_then(mapped).or(self.category.as_deref())
    }
}

#[derive(Deserialize)]
struct SubjectBody {
    subject: MessageId,
}

#[derive(Deserialize)]
struct StepBody {
    subject: MessageId,
    step: Step,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
struct ReturnBody {
    subject: MessageId,
    reason: String,
}

#[derive(Deserialize)]
struct ApplyBody {
    subject: MessageId,
    #[serde(default)]
    category: Option<String>,
    #[serde(default)]
    history: Vec<EntryBody>,
}

#[derive(Deserialize)]
struct EntryBody {
    id: MessageId,
}

/// A case from an older application may have anything there.
fn lenient<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let value = serde_json::Value::deserialize(from)?;
    Ok(value.as_str().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, body: &str) -> Option<Result<Word, String>> {
        Word::read(&Kind::parse(kind).unwrap(), None, body.as_bytes())
    }

    #[test]
    fn only_what_a_matter_needs_is_read() {
        let id = MessageId::parse("510722.101.002-b7k2qf-r1042").unwrap();
        assert_eq!(
            read("incident.report", r#"{"category":"\u79ef水","severity":"major","x":[1]}"#),
            Some(Ok(Word::Reported { category: "积水".to_owned(), severity: Severity::Major }))
        );
        let step = format!(r#"{{"subject":"{id}","step":"returned","reason":"不属本站"}}"#);
        assert_eq!(
            read("incident.update", &step),
            Some(Ok(Word::Step {
                subject: id.clone(),
                step: Step::Returned,
                reason: Some("不属本站".to_owned())
            }))
        );
        let apply = format!(r#"{{"subject":"{id}","reason":"x","history":[{{"id":"{id}"}}]}}"#);
        let applied = read("case.apply", &apply).unwrap().unwrap();
        assert_eq!(applied.subject(), Some(&id));
        assert_eq!(read("directive.issue", "{}"), None);
        let cancel = format!(r#"{{"msgType":"Cancel","references":["{id}"]}}"#);
        let taken_back = Word::TakesBack { references: vec![id.clone()] };
        assert_eq!(read("broadcast.issue", &cancel), Some(Ok(taken_back)));
        assert!(read("incident.update", "{}").unwrap().is_err());
        assert_eq!(
            read("case.open", r#"{"category":7}"#),
            Some(Ok(Word::Opened { category: "-".to_owned() }))
        );
    }

    #[test]
    fn a_long_category_is_cut_between_characters() {
        assert_eq!(category(Some(&"汛".repeat(21))).len(), 60);
        assert_eq!(category(None), "-");
    }
}
