//! Waiting for something that can be seen: the only wait there is in these tests.

use std::time::Duration;

use tokio::time::Instant;

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// Long enough for anything that should happen, on a machine that is busy with other tests.
pub const SOON: Duration = Duration::from_secs(60);

/// Looks until there is something to see.
///
/// # Panics
/// If there is still nothing after `within`; `what` says what there should have been.
pub async fn until<T, L: Future<Output = Option<T>>>(
    within: Duration,
    what: impl std::fmt::Display,
    mut look: impl FnMut() -> L,
) -> T {
    let deadline = Instant::now() + within;
    loop {
        let seen = tokio::time::timeout_at(deadline, look()).await;
        if let Ok(Some(seen)) = seen {
            return seen;
        }
        assert!(seen.is_ok() && Instant::now() < deadline, "not within {within:?}: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
