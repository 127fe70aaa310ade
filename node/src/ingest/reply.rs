//! The answer's bytes: JSON of [`Accepted`], of `{"ok":true}`, or of a [`RefusalReply`].

use bytes::Bytes;
use yizhan_core::effect::Verdict;
use yizhan_schemas::reply::{Accepted, ErrorCode, Refusal, RefusalReply};

/// What says that an answer to a message is noted.
const NOTED: &[u8] = br#"{"ok":true}"#;

/// What a publisher reads over NATS.
pub fn bytes(answer: Result<Accepted, Refusal>) -> Bytes {
    let json = match answer {
        Ok(accepted) => serde_json::to_vec(&accepted),
        Err(error) => {
            count(&error);
            serde_json::to_vec(&RefusalReply { error })
        }
    };
    // texts, numbers and booleans under text keys always have a JSON form
    json.unwrap_or_default().into()
}

/// Every refusal over NATS passes here.
fn count(refusal: &Refusal) {
    let code = refusal.code.as_str();
    metrics::counter!("yizhan_ingest_refused_total", "code" => code).increment(1);
}

/// What a publisher hears whose draft was decided upon.
///
/// # Errors
/// It was refused.
pub fn decided(verdict: Verdict) -> Result<Accepted, Refusal> {
    match verdict {
        Verdict::Accepted(accepted) => Ok(accepted),
        Verdict::Refused(refusal) => Err(refusal),
        Verdict::Noted | Verdict::LookAgain => Err(Refusal::new(
            ErrorCode::RateLimited,
            "this station could not decide yet; try again shortly",
        )),
    }
}

/// What an application reads whose answer to a message was noted, or not.
pub fn noted(answer: Result<(), Refusal>) -> Bytes {
    match answer {
        Ok(()) => Bytes::from_static(NOTED),
        Err(refusal) => bytes(Err(refusal)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use yizhan_schemas::reply::Grade;
    use yizhan_schemas::{Code, MessageId};

    #[test]
    fn answers_read_as_the_contract_writes_them() {
        let mut accepted = Accepted {
            id: MessageId::parse("510722.101.002-b7k2qf-r1042").unwrap(),
            status: Grade::Accepted,
            station: Code::parse("510722.101.002").unwrap(),
            duplicate: false,
            timed_out: false,
        };
        assert_eq!(
            bytes(Ok(accepted.clone())),
            r#"{"id":"510722.101.002-b7k2qf-r1042","status":"accepted","station":"510722.101.002","duplicate":false}"#
        );
        accepted.status = Grade::Relayed;
        accepted.timed_out = true;
        assert!(bytes(Ok(accepted)).ends_with(br#""duplicate":false,"timed_out":true}"#));
        let mut refusal = Refusal::new(ErrorCode::SpoolFull, "no room");
        assert_eq!(
            bytes(Err(refusal.clone())),
            r#"{"error":{"code":"spool_full","message":"no room"}}"#
        );
        refusal.pointer = Some("/a".to_owned());
        assert!(bytes(Err(refusal)).ends_with(br#""pointer":"/a"}}"#));
    }
}
