//! Whether this caller may do this; and a note of everybody who was refused something.
//!
//! Without a token one is the operator, but only from this machine and under its loopback name: a
//! request for another host that comes from here came through a proxy, or from a browser whose
//! page had its name re-bound to 127.0.0.1.

use std::net::IpAddr;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use metrics::counter;
use yizhan_schemas::reply::ErrorCode::{Forbidden, Unauthorized};

use super::problem::{Problem, Told};
use super::routes::{Desk, Route};
use super::tokens::{Holder, Role, Tokens};
use crate::audit::Deed;

/// Who it is that needs no token.
const LOCAL: &str = "this machine";

/// Where a request came from; set for each connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// Lets a request through, or answers it with 401, 403 or, after too many wrong tokens, 429.
pub(super) async fn check(
    State((desk, route)): State<(Desk, Route)>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    // a request without a peer is nobody's: it is treated as one from elsewhere
    let local = peer.is_some_and(|peer| peer.is_loopback());
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let (who, response) = match admit(&desk.site.tokens, local, request.headers(), route) {
        Ok(holder) => {
            let name = holder.name.clone();
            request.extensions_mut().insert(holder);
            (Some(name), next.run(request).await)
        }
        Err(refused) => {
            let Refused { who, guessed, problem } = *refused;
            let problem = if guessed { too_often(&desk, peer, problem) } else { problem };
            (who, problem.into_response())
        }
    };
    // who asks for a message or station that is not there has done nothing
    if response.status() != StatusCode::NOT_FOUND {
        note(&desk, peer, who.as_deref(), &format!("{method} {path}"), &response);
    }
    response
}

/// A wrong token; too many of them are another problem.
///
/// One that is right is still let in: the address may be that of a proxy or a whole township, and
/// what keeps tokens from being guessed is their length.
fn too_often(desk: &Desk, peer: Option<IpAddr>, problem: Problem) -> Problem {
    let waits = peer.map(|peer| desk.peers.guess(peer, Instant::now()));
    match waits {
        Some(Err(wait)) => Problem::too_many_guesses(wait),
        _ => problem,
    }
}

/// Counts and writes down that somebody was refused something.
pub(super) fn note(
    desk: &Desk,
    peer: Option<IpAddr>,
    who: Option<&str>,
    what: &str,
    response: &Response,
) {
    let Some(told) = response.extensions().get::<Told>() else { return };
    counter!("yizhan_http_refused_total", "code" => told.code).increment(1);
    if !told.noted && response.status().is_client_error() {
        let peer = peer.map_or_else(|| "unknown".to_owned(), |peer| peer.to_string());
        let deed = Deed::refused("http_refused", who.unwrap_or(&peer), told.code).to(what);
        desk.site.audit.note(deed.detail(&format!("from {peer}: {}", told.detail)));
    }
}

/// Who is not let through.
#[derive(Debug, PartialEq, Eq)]
struct Refused {
    /// Their name, if they have one here.
    who: Option<String>,
    /// They came with a token that nobody has.
    guessed: bool,
    problem: Problem,
}

impl Refused {
    fn stranger(problem: Problem) -> Box<Self> {
        Box::new(Self { who: None, guessed: false, problem })
    }
}

/// Who makes a request, in which role.
fn admit(
    tokens: &Tokens,
    local: bool,
    headers: &HeaderMap,
    route: Route,
) -> Result<Holder, Box<Refused>> {
    let credentials = text(headers, AUTHORIZATION).filter(|_| !tokens.is_empty());
    let Some(credentials) = credentials else {
        return match (local, foreign_host(headers)) {
            (true, None) => Ok(Holder { name: LOCAL.to_owned(), role: Role::Operator }),
            (true, Some(host)) => Err(Refused::stranger(Problem::of(
                Unauthorized,
                format!(
                    "a bearer token is needed: the request comes from this machine but asks for \
                     host {host}; valid without a token is http://127.0.0.1 or http://localhost"
                ),
            ))),
            (false, _) => Err(Refused::stranger(Problem::of(
                Unauthorized,
                "a bearer token is needed from other machines: send the header Authorization: \
                 Bearer <token> with one of http.tokens",
            ))),
        };
    };
    let token =
        credentials.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let holder = token.and_then(|(_, token)| tokens.holder(token.trim()));
    let holder = holder.ok_or_else(|| {
        let problem = Problem::of(
            Unauthorized,
            "the header Authorization holds no token of this station; valid is Bearer <token> \
             with one of http.tokens",
        );
        Box::new(Refused { who: None, guessed: true, problem })
    })?;
    if holder.role == Role::Operator || route.roles().contains(&holder.role) {
        return Ok(holder.clone());
    }
    let problem = Problem::of(
        Forbidden,
        format!(
            "the token of {} has the role {}; {} {} is for: operator{}",
            holder.name,
            holder.role,
            route.method(),
            route.path(),
            route.roles().iter().map(|role| format!(", {role}")).collect::<String>(),
        ),
    );
    Err(Box::new(Refused { who: Some(holder.name.clone()), guessed: false, problem }))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

/// The host that a request asks for, if that is not this machine's loopback.
fn foreign_host(headers: &HeaderMap) -> Option<String> {
    let host = text(headers, HOST)?;
    let name = host.parse::<Authority>().ok().map(|authority| authority.host().to_owned());
    let name = name.unwrap_or_else(|| host.to_owned());
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let own = match address {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => name.eq_ignore_ascii_case("localhost"),
    };
    (!own).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::super::tokens::Token;
    use super::*;

    const GRID: &str = "publisher-0123456789";
    const HALL: &str = "reader-0123456789ab";
    const BOSS: &str = "operator-0123456789";

    fn tokens() -> Tokens {
        let token = |name: &str, role, token: &str| Token {
            name: name.to_owned(),
            role,
            token: token.to_owned(),
        };
        Tokens::new([
            token("grid", Role::Publisher, GRID),
            token("hall", Role::Reader, HALL),
            token("boss", Role::Operator, BOSS),
        ])
        .unwrap()
    }

    fn answer(local: bool, pairs: &[(HeaderName, &str)], route: Route) -> Result<(), String> {
        let headers = pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        admit(&tokens(), local, &headers.collect(), route)
            .map(drop)
            .map_err(|refused| serde_json::to_value(refused.problem).unwrap()["detail"].to_string())
    }

    #[test]
    fn this_machine_needs_no_token_under_its_own_name() {
        for host in ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080", "127.8.8.8"] {
            assert_eq!(answer(true, &[(HOST, host)], Route::Events), Ok(()), "{host}");
        }
        for host in ["yizhan.example", "10.72.0.1:8080", "127.0.0.1.example", "localhost.example"] {
            let refused = answer(true, &[(HOST, host)], Route::Stations).unwrap_err();
            assert!(refused.contains("asks for host"), "{refused}");
        }
        assert_eq!(answer(true, &[], Route::Events), Ok(()));
    }

    #[test]
    fn others_need_a_token_whose_role_fits() {
        let bearer = |token: &str| format!("Bearer {token}");
        let with = |token: &str, route| {
            answer(false, &[(AUTHORIZATION, &bearer(token)), (HOST, "10.72.0.1")], route)
        };
        for route in Route::ALL {
            assert_eq!(with(BOSS, route), Ok(()), "{route:?}");
            let refused = answer(false, &[(HOST, "127.0.0.1")], route).unwrap_err();
            assert!(refused.contains("a bearer token is needed from other machines"), "{refused}");
            let refused = with("guessed-0123456789", route).unwrap_err();
            assert!(refused.contains("holds no token of this station"), "{refused}");
        }
        assert_eq!(with(GRID, Route::Events), Ok(()));
        assert_eq!(with(GRID, Route::Message), Ok(()));
        assert_eq!(with(HALL, Route::Stream), Ok(()));
        assert_eq!(
            with(HALL, Route::Events).unwrap_err(),
            "\"the token of hall has the role reader; POST /v1/events is for: operator, publisher\""
        );
        assert_eq!(
            with(GRID, Route::Stations).unwrap_err(),
            "\"the token of grid has the role publisher; GET /v1/stations is for: operator, reader\""
        );
    }

    #[test]
    fn a_wrong_token_is_refused_from_this_machine_too() {
        let basic = [(AUTHORIZATION, "Basic Zm9vOmJhcg=="), (HOST, "127.0.0.1")];
        assert!(answer(true, &basic, Route::Alive).is_err());
        let none = admit(
            &Tokens::default(),
            true,
            &HeaderMap::from_iter([(AUTHORIZATION, "Bearer x".parse().unwrap())]),
            Route::Alive,
        );
        assert_eq!(
            none.unwrap().role,
            Role::Operator,
            "without tokens there is nothing to compare with"
        );
    }
}
