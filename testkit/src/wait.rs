//! Waiting for what will be true soon.

use std::time::{Duration, Instant};

/// Looks again and again until there is a value.
///
/// # Panics
/// When there is none in time; `what` says what was waited for.
pub async fn until<T>(what: &str, within: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
    let began = Instant::now();
    loop {
        if let Some(value) = look().await {
            return value;
        }
        assert!(began.elapsed() < within, "not within {within:?}: {what}");
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}
