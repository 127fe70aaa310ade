//! `POST /v1/events`: CloudEvents in, receipts out; and `POST /v1/messages/{id}/ack`: what an
//! application says to a message.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use yizhan_schemas::reply::{Accepted, ErrorCode, Refusal};

use super::body;
use super::problem::Problem;
use super::routes::Desk;
use super::site::Answers;
use super::tokens::{Holder, Role};

/// Takes one event or a batch.
pub(super) async fn take(State(desk): State<Desk>, request: Request) -> Result<Response, Problem> {
    let headers = texts(request.headers())?;
    let by = holder(&request);
    let (body, _room) = body::read(request, desk.site.body_bytes_max, &desk.room).await?;
    Ok(match desk.site.intake.post(headers, body, by).await.map_err(Problem::noted)? {
        Answers::One(accepted) => {
            let page = [(LOCATION, format!("/v1/messages/{}", accepted.id))];
            (StatusCode::ACCEPTED, page, Json(accepted)).into_response()
        }
        Answers::Batch(answers) => {
            let answers: Vec<_> = answers.into_iter().map(Entry::from).collect();
            (StatusCode::ACCEPTED, Json(answers)).into_response()
        }
    })
}

/// Takes an answer to a message that was delivered here.
pub(super) async fn ack(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let by = holder(&request);
    let (body, _room) = body::read(request, desk.site.body_bytes_max, &desk.room).await?;
    desk.site.intake.ack(&id, body, by).await.map_err(Problem::noted)?;
    Ok(Json(json!({ "ok": true })))
}

/// Who makes a request. The guard has set it; without one nobody has more than a reader's rights.
fn holder(request: &Request) -> Holder {
    let nobody = || Holder { name: "unknown".to_owned(), role: Role::Reader };
    request.extensions().get::<Holder>().cloned().unwrap_or_else(nobody)
}

/// What stands for one event in the answer to a batch.
#[derive(Serialize)]
#[serde(untagged)]
enum Entry {
    Receipt(Accepted),
    Problem(Problem),
}

impl From<Result<Accepted, Refusal>> for Entry {
    fn from(answer: Result<Accepted, Refusal>) -> Self {
        match answer {
            Ok(accepted) => Self::Receipt(accepted),
            Err(refusal) => Self::Problem(refusal.into()),
        }
    }
}

/// Headers as texts. One that is not UTF-8 is left away, unless it is part of the event.
fn texts(headers: &HeaderMap) -> Result<Vec<(String, String)>, Problem> {
    let mut texts = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        match std::str::from_utf8(value.as_bytes()) {
            Ok(value) => texts.push((name.as_str().to_owned(), value.to_owned())),
            Err(_) if name.as_str().starts_with("ce-") => {
                return Err(Problem::of(
                    ErrorCode::SchemaInvalid,
                    format!("header {name}: valid is percent-encoded UTF-8"),
                ));
            }
            Err(_) => {}
        }
    }
    Ok(texts)
}
