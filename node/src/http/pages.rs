//! What there is to read: stations, messages, and the description of all this.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;
use yizhan_schemas::reply::ErrorCode::{NotFound, SchemaInvalid};
use yizhan_schemas::{Code, MessageId};

use super::guard::{self, Peer};
use super::problem::Problem;
use super::routes::Desk;

/// The description in OpenAPI's own form, as checked in.
pub(super) const DESCRIPTION: &str = include_str!("../../../schemas/openapi.json");
/// How long `?wait=delivered` waits if nothing is said.
const WAIT_DEFAULT: Duration = Duration::from_secs(10);
/// Longest wait: each one holds a connection.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// Where to look, until the console is here.
const ROOT: &str = "Yizhan 驿站: see /openapi.json for what is here, /v1/stations for who is, /readyz for how it is.\n";

pub(super) async fn root() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], ROOT)
}

pub(super) async fn description() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DESCRIPTION)
}

pub(super) async fn stations(State(desk): State<Desk>) -> Json<Value> {
    Json(desk.site.pages.stations())
}

pub(super) async fn station(
    State(desk): State<Desk>,
    Path(code): Path<String>,
) -> Result<Json<Value>, Problem> {
    let code = Code::parse(&code).map_err(|bad| Problem::of(NotFound, bad.to_string()))?;
    let page = desk.site.pages.station(&code).map(Json);
    page.ok_or_else(|| {
        Problem::of(
            NotFound,
            format!("there is no station {code} in this topology: see /v1/stations"),
        )
    })
}

pub(super) async fn device(
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    desk.site.pages.device(&id).map(Json).map_err(|why| Problem::of(NotFound, why))
}

pub(super) async fn roster(State(desk): State<Desk>) -> Result<Json<Value>, Problem> {
    let words = "this station has no roster of posts and grid workers (roster.path)";
    desk.site.pages.roster().map(Json).ok_or_else(|| Problem::of(NotFound, words.to_owned()))
}

/// Members of a query, of which the last counts.
type Members = Result<Query<BTreeMap<String, String>>, QueryRejection>;

pub(super) async fn messages(
    State(desk): State<Desk>,
    query: Members,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|bad| Problem::of(SchemaInvalid, bad.body_text()))?;
    let listed = desk.site.pages.messages(&query).await;
    listed.map(Json).map_err(|why| Problem::of(SchemaInvalid, why))
}

pub(super) async fn stats(
    State(desk): State<Desk>,
    query: Members,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|bad| Problem::of(SchemaInvalid, bad.body_text()))?;
    desk.site.pages.stats(&query).map(Json).map_err(|why| Problem::of(SchemaInvalid, why))
}

pub(super) async fn matters(State(desk): State<Desk>) -> Json<Value> {
    Json(desk.site.pages.matters())
}

pub(super) async fn trace(
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id = MessageId::parse(&id).map_err(|bad| Problem::of(NotFound, bad.to_string()))?;
    let way = desk.site.pages.trace(&id).await.map(Json);
    way.ok_or_else(|| unknown(&id))
}

pub(super) async fn reconcile(
    State(desk): State<Desk>,
    query: Members,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|bad| Problem::of(SchemaInvalid, bad.body_text()))?;
    let found = desk.site.pages.reconcile(&query).await;
    found.map(Json).map_err(|why| Problem::of(SchemaInvalid, why))
}

fn unknown(id: &MessageId) -> Problem {
    let words = format!("message {id} is not known here; ask its origin, {}", id.origin);
    Problem::of(NotFound, words)
}

/// What may stand behind the question mark.
#[derive(Deserialize)]
pub(super) struct MessageQuery {
    wait: Option<String>,
    timeout: Option<String>,
}

pub(super) async fn message(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    query: Result<Query<MessageQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let id = MessageId::parse(&id).map_err(|bad| Problem::of(NotFound, bad.to_string()))?;
    let Query(query) = query.map_err(|bad| Problem::of(SchemaInvalid, bad.body_text()))?;
    let page = desk.site.pages.message(&id, patience(query)?).await.map(Json);
    page.ok_or_else(|| unknown(&id))
}

fn patience(query: MessageQuery) -> Result<Option<Duration>, Problem> {
    let fault = |why: String| Problem::of(SchemaInvalid, why);
    match query.wait.as_deref() {
        None => return Ok(None),
        Some("delivered") => {}
        Some(_) => return Err(fault("query wait: valid is delivered".to_owned())),
    }
    let Some(timeout) = query.timeout else { return Ok(Some(WAIT_DEFAULT)) };
    let valid = "valid is a time of at most 300s, as in 10s";
    match humantime::parse_duration(&timeout) {
        Ok(time) if time <= WAIT_MAX => Ok(Some(time)),
        Ok(_) => Err(fault(format!("query timeout: too long; {valid}"))),
        Err(bad) => Err(fault(format!("query timeout: {bad}; {valid}"))),
    }
}

pub(super) async fn nothing_here(desk: State<Desk>, request: Request) -> Response {
    let path: String = request.uri().path().chars().take(80).collect();
    let words = format!("there is nothing at {path}; see /openapi.json");
    astray(&desk, &request, Problem::of(NotFound, words))
}

/// Who looks where nothing is may be looking for a way in.
fn astray(desk: &Desk, request: &Request, problem: Problem) -> Response {
    let response = problem.into_response();
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let what = format!("{} {}", request.method(), request.uri().path());
    guard::note(desk, peer, None, &what, &response);
    response
}

pub(super) async fn no_such_method(desk: State<Desk>, request: Request) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    let words = format!("{method} is not for {path}; see the header Allow");
    astray(&desk, &request, Problem::method(words))
}
