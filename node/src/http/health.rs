//! Alive, ready, and in numbers.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde_json::json;

use super::routes::Desk;

/// The media type of Prometheus's text format.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The process runs and answers: no more than that.
pub(super) async fn alive() -> impl IntoResponse {
    Json(json!({ "alive": true }))
}

/// 200 if the station accepts messages, else 503 with the reasons.
pub(super) async fn ready(State(desk): State<Desk>) -> impl IntoResponse {
    let mut reasons = desk.site.pages.unready();
    if *desk.stopping.borrow() {
        reasons.push("the station is stopping".to_owned());
    }
    let ready = reasons.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready, "reasons": reasons })))
}

/// The metrics of this process.
pub(super) async fn metrics(State(desk): State<Desk>) -> impl IntoResponse {
    ([(CONTENT_TYPE, PROMETHEUS)], desk.site.metrics.render())
}
