//! A broadcast to the loudspeakers of this station: each is asked once, and what came of it is one
//! result.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use serde_json::json;
use yizhan_core::input::Attempted;
use yizhan_schemas::payload::broadcast::{Issue, Play};
use yizhan_schemas::{Envelope, Header};
use yizhan_topology::rights::{self, Known};

use super::{Adapters, Left};
use crate::bus::subjects;

/// Loudspeakers that are asked at once for one broadcast.
const AT_ONCE: usize = 16;
/// Loudspeakers that are named in a receipt; the others are counted.
const NAMED_MAX: usize = 8;

impl Adapters {
    /// Has all loudspeakers say what a message asks.
    pub(super) async fn broadcast(&self, envelope: &Envelope, left: &Left<'_>) -> Attempted {
        let header = envelope.header();
        let read = Issue::read(header.content_type.as_deref(), envelope.payload());
        let play = match read {
            Ok(broadcast) => Play { id: header.id().to_string(), broadcast, deadline_ms: 0 },
            Err(why) => return Attempted::Unfit(why),
        };
        let ids = self.loudspeakers(header);
        if ids.is_empty() {
            let why = format!("no loudspeaker that hangs here is within {}", header.origin);
            return Attempted::NoSuchDevice(why);
        }
        let asked = ids.into_iter().map(|id| self.say(id, &play, left));
        let asked: Vec<_> = asked.collect();
        let mut results: Vec<_> =
            futures::stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
        results.sort_by(|(one, _), (other, _)| one.cmp(other));
        folded(&results)
    }

    /// The loudspeakers that hang here and obey the message's origin.
    fn loudspeakers(&self, header: &Header) -> Vec<Box<str>> {
        let Some(catalogue) = self.catalogue.now() else { return Vec::new() };
        let origin = self.origin(header);
        let obeys = catalogue.loudspeakers(&self.here).filter(|device| {
            let (hangs_under, jurisdiction) = (&device.hangs_under, &device.jurisdiction);
            let known = Known::Device { hangs_under, jurisdiction };
            rights::commands(origin, &self.here, known).is_ok()
        });
        obeys.map(|device| device.id.clone()).collect()
    }

    async fn say(&self, id: Box<str>, play: &Play, left: &Left<'_>) -> (Box<str>, Attempted) {
        let Some(subject) = subjects::broadcast(&id) else {
            return (id, Attempted::Unfit("its id makes no subject".to_owned()));
        };
        let body = |within: Duration| {
            let deadline_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
            let play = Play { deadline_ms, ..play.clone() };
            serde_json::to_vec(&play).map(Bytes::from).map_err(|fault| fault.to_string())
        };
        let result = self.ask(&subject, body, left).await;
        (id, result)
    }
}

/// One result of many.
fn folded(results: &[(Box<str>, Attempted)]) -> Attempted {
    let all = |is: fn(&Attempted) -> bool| results.iter().all(|(_, result)| is(result));
    let (total, done) = (results.len(), |result: &Attempted| matches!(result, Attempted::Done(_)));
    if all(|result| matches!(result, Attempted::Done(_))) {
        let said = json!({ "loudspeakers": format!("{total}/{total}") });
        return Attempted::Done(Some(said.to_string()));
    }
    // none of them has heard of it
    if all(|result| matches!(result, Attempted::NoAdapter)) {
        return Attempted::NoAdapter;
    }
    if all(|result| matches!(result, Attempted::Expired)) {
        return Attempted::Expired;
    }
    let failed: Vec<_> = results.iter().filter(|(_, result)| !done(result)).collect();
    let named = failed.iter().take(NAMED_MAX).map(|(id, result)| match result {
        Attempted::Failed(why) | Attempted::Unfit(why) => format!("{id} ({why})"),
        Attempted::Unknown => format!("{id} (no answer in time)"),
        Attempted::NoAdapter => format!("{id} (no adapter)"),
        Attempted::NoSuchDevice(_) => format!("{id} (no such device)"),
        Attempted::Expired => format!("{id} (too late)"),
        Attempted::Forbidden(_) | Attempted::Done(_) => id.to_string(),
    });
    let named = named.collect::<Vec<_>>().join(", ");
    let more = match failed.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let did = total - failed.len();
    Attempted::Failed(format!("{did}/{total} loudspeakers did it; not {named}{more}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_did_is_done_and_what_some_did_names_the_others() {
        let no = |why: &str| Attempted::Failed(why.to_owned());
        let fold = |results: Vec<Attempted>| {
            let named = results.into_iter().enumerate();
            folded(&named.map(|(n, it)| (format!("horn-{n}").into(), it)).collect::<Vec<_>>())
        };
        let done = || Attempted::Done(None);
        assert_eq!(
            fold(vec![done(), done()]),
            Attempted::Done(Some(r#"{"loudspeakers":"2/2"}"#.to_owned()))
        );
        assert_eq!(
            fold(vec![done(), no("busy"), done(), Attempted::Unknown, done()]),
            no("3/5 loudspeakers did it; not horn-1 (busy), horn-3 (no answer in time)")
        );
        assert_eq!(fold(vec![Attempted::NoAdapter, Attempted::NoAdapter]), Attempted::NoAdapter);
        assert_eq!(
            fold(vec![Attempted::NoAdapter, Attempted::Expired]),
            no("0/2 loudspeakers did it; not horn-0 (no adapter), horn-1 (too late)")
        );
        assert_eq!(fold(vec![Attempted::Expired]), Attempted::Expired);
        let Attempted::Failed(many) = fold(vec![no("x"); 20]) else { panic!() };
        assert!(many.starts_with("0/20 ") && many.ends_with("horn-7 (x) and 12 more"), "{many}");
    }
}
