//! Admit: whether a draft may be sent from here, to whom, how urgently and for how long.

use yizhan_schemas::reply::{ErrorCode, Refusal};
use yizhan_schemas::selector::Target;
use yizhan_schemas::{Code, Kind, Lane, Selector};
use yizhan_topology::Topology;
use yizhan_topology::rights::{self, Overreach};

use crate::draft::Draft;

/// Time to live of a command for a device unless its sender says otherwise (design §7),
/// milliseconds. All have one: none is carried out when nobody expects it any more.
const VIDEO_TTL_MS: u64 = 30_000;

/// What an admitted draft gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Whom it is for, as published or by default.
    pub to: Selector,
    /// Where `up` leads, if the selector holds it.
    pub handle: Option<Selector>,
    /// Who gets an inbox copy by policy.
    pub notify: Option<Selector>,
    /// Its precedence: policy beats publisher beats routine.
    pub lane: Lane,
    /// Its time to live, milliseconds.
    pub ttl_ms: Option<u64>,
}

/// Decides on a draft.
///
/// # Errors
/// Why it is not taken, in words that say what would be.
pub fn admit(
    topology: &Topology,
    here: &Code,
    draft: &Draft,
    payload_bytes_max: u64,
) -> Result<Terms, Refusal> {
    family(topology, &draft.kind)?;
    size(draft, payload_bytes_max)?;
    let to = address(topology, here, draft)?;
    known(topology, &to)?;
    right(topology, here, &draft.kind, &to)?;
    let decision = topology.decide(&draft.kind, draft.severity.as_deref(), here);
    let lane = decision.precedence.or(draft.precedence).unwrap_or(Lane::Routine);
    let handle = to.targets().contains(&Target::Up).then(|| handlers(&to, &decision.handle));
    let notify = (handle.is_some() && !decision.notify.is_empty())
        .then(|| Selector::of(decision.notify.iter().cloned()));
    if topology.resolve(handle.as_ref().unwrap_or(&to)).is_empty() {
        return Err(Refusal::new(
            ErrorCode::BadSelector,
            format!("`{to}` selects no station of this topology"),
        ));
    }
    let default_ttl_ms = draft.kind.is_for_adapter().then_some(VIDEO_TTL_MS);
    Ok(Terms { to, handle, notify, lane, ttl_ms: draft.ttl_ms.or(default_ttl_ms) })
}

fn family(topology: &Topology, kind: &Kind) -> Result<(), Refusal> {
    if kind.is_internal() || kind.is_for_stations() {
        return Err(Refusal::new(
            ErrorCode::UnknownKind,
            format!("{kind} is for stations among themselves; publishers use other families"),
        ));
    }
    if topology.family_allowed(kind) {
        return Ok(());
    }
    Err(Refusal::new(
        ErrorCode::UnknownKind,
        format!("kinds of family `{}` are not allowed by this county's policy", kind.family()),
    ))
}

fn size(draft: &Draft, limit_bytes: u64) -> Result<(), Refusal> {
    let got_bytes = draft.payload.len() as u64;
    if got_bytes <= limit_bytes {
        return Ok(());
    }
    Err(Refusal::new(
        ErrorCode::TooLarge,
        format!("the payload is {got_bytes} bytes; at most {limit_bytes} are taken here"),
    ))
}

fn address(topology: &Topology, here: &Code, draft: &Draft) -> Result<Selector, Refusal> {
    match (&draft.to, draft.kind.family()) {
        (Some(to), _) => Ok(to.clone()),
        // a case goes up one tier at a time
        (None, "case") if draft.kind.name() == "apply" => match topology.parent(here) {
            Some(parent) => Ok(Selector::of([parent.clone()])),
            None => Err(Refusal::new(
                ErrorCode::Forbidden,
                format!("{here} is the root: there is nobody above to apply to"),
            )),
        },
        (None, "incident" | "case") => Ok(Selector::up()),
        (None, _) => Err(Refusal::new(
            ErrorCode::ToMissing,
            format!(
                "{} has no default address; say whom it is for (header Yz-To, extension yzto), \
                 for example 510722.101 or 510722.>",
                draft.kind
            ),
        )),
    }
}

fn known(topology: &Topology, to: &Selector) -> Result<(), Refusal> {
    let unknown = topology.unknown(to);
    let Some(first) = unknown.first() else { return Ok(()) };
    Err(Refusal::new(
        ErrorCode::BadSelector,
        format!("`{to}` names {first}, which is no station of this topology"),
    ))
}

fn right(topology: &Topology, here: &Code, kind: &Kind, to: &Selector) -> Result<(), Refusal> {
    rights::overreach(here, kind, to)
        .map_or(Ok(()), |over| Err(forbidden(topology, here, kind, &over)))
}

fn forbidden(topology: &Topology, here: &Code, kind: &Kind, over: &Overreach<'_>) -> Refusal {
    let above = topology.parent(here).map_or(String::new(), |_| "up, a station above, ".to_owned());
    let allowed = match (over.may_rise, over.may_sink) {
        (true, false) if above.is_empty() => format!("{here} itself"),
        (true, false) => format!("{above}or {here} itself"),
        (false, _) => format!("{here} itself or a selector within {here}.>"),
        (true, true) => format!("{above}{here} itself or a selector within {here}.>"),
    };
    Refusal::new(
        ErrorCode::Forbidden,
        format!("{here} may not send {kind} to `{}`; it may send it to {allowed}", over.target),
    )
}

/// The same selector with `up` led to its handler: what else stands beside it stays.
fn handlers(to: &Selector, handler: &Code) -> Selector {
    let mut texts: Vec<String> = Vec::new();
    for target in to.targets() {
        let text = match target {
            Target::Up => handler.to_string(),
            Target::UpTo(code) => code.to_string(),
            other => other.to_string(),
        };
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    // parts of a selector make a selector again
    Selector::parse(&texts.join(",")).unwrap_or_else(|_| Selector::of([handler.clone()]))
}

#[cfg(test)]
mod tests;
