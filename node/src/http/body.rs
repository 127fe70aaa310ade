//! A request's body, bounded in bytes and in time.

use std::time::Duration;

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use tokio::sync::{Semaphore, SemaphorePermit};
use yizhan_schemas::reply::ErrorCode::{BadJson, RateLimited, TooLarge};

use super::problem::Problem;

/// Bytes of bodies that may be in memory at once.
pub(super) const BODIES_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Longest time for a body to come.
const BODY_READ: Duration = Duration::from_secs(30);
/// So many times the limit is read and thrown away of a body that is too long, so that its sender
/// reads the answer and not a connection reset.
const DISCARD_TIMES: usize = 4;

/// Reads the body of a request, at most `bytes_max` long. What it takes of the `room` that all
/// bodies share, it holds as long as the permit lives.
///
/// # Errors
/// `too_large`, `rate_limited` if there is no room at present, `timeout`.
pub(super) async fn read(
    request: Request,
    bytes_max: usize,
    room: &Semaphore,
) -> Result<(Bytes, Option<SemaphorePermit<'_>>), Problem> {
    let announced = announced(request.headers());
    if request.headers().contains_key(EXPECT) && announced.is_some_and(|n| n > bytes_max) {
        // the client waits to be told to go on, so nothing need be thrown away
        return Err(too_large(announced, bytes_max));
    }
    let read = collect(request, bytes_max, room);
    let read = tokio::time::timeout(BODY_READ, read).await.map_err(|_| {
        Problem::timeout(format!("the body did not come within {} s", BODY_READ.as_secs()))
    })?;
    read?.ok_or_else(|| too_large(announced, bytes_max))
}

/// The body with its part of the room, or `None` if it is longer than allowed.
async fn collect(
    request: Request,
    bytes_max: usize,
    room: &Semaphore,
) -> Result<Option<(Bytes, Option<SemaphorePermit<'_>>)>, Problem> {
    let mut chunks = request.into_body().into_data_stream();
    let (mut body, mut held) = (BytesMut::new(), None::<SemaphorePermit<'_>>);
    let mut seen = 0_usize;
    while let Some(chunk) = chunks.next().await {
        let chunk =
            chunk.map_err(|fault| Problem::of(BadJson, format!("the body broke off: {fault}")))?;
        seen = seen.saturating_add(chunk.len());
        if seen > bytes_max.saturating_mul(DISCARD_TIMES) {
            break;
        }
        if seen > bytes_max {
            (body, held) = (BytesMut::new(), None);
            continue;
        }
        let more = u32::try_from(chunk.len()).ok().and_then(|n| room.try_acquire_many(n).ok());
        let more = more.ok_or_else(|| {
            Problem::of(
                RateLimited,
                format!("{BODIES_BYTES_MAX} bytes of requests are in hand; try again shortly"),
            )
        })?;
        match &mut held {
            Some(held) => held.merge(more),
            None => held = Some(more),
        }
        body.extend_from_slice(&chunk);
    }
    Ok((seen <= bytes_max).then(|| (body.freeze(), held)))
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large(announced: Option<usize>, bytes_max: usize) -> Problem {
    let size =
        announced.map_or_else(|| "longer than allowed".to_owned(), |n| format!("{n} bytes long"));
    Problem::of(
        TooLarge,
        format!("the body is {size}; at most {bytes_max} bytes are taken: send several requests"),
    )
}
