//! What one who follows is sent: Server-Sent Events, one piece after the other.
//!
//! A piece is cut when the one before has left the process. So of who does not read, one piece waits and no more, however many
//! follow; the lines it is cut from stay the tenant's.

use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::body::Bytes;
use futures::{Stream, stream};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::feeds::{Following, Lines, Missed, Told};

/// Most bytes on their way to one who follows.
const PIECE_BYTES_MAX: usize = 16 << 10;
/// Who follows and hears nothing gets a comment so often, so that nobody between takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Everything that is told from now on.
pub(super) fn answer(following: Following) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let answer = Answer { following, begun: None, way: Arc::new(Semaphore::new(1)) };
    stream::unfold(answer, |mut answer| async move {
        let piece = answer.next().await?;
        Some((Ok(piece), answer))
    })
}

#[derive(Debug)]
struct Answer {
    following: Following,
    /// Lines that are sent in part, and how far.
    begun: Option<(Weak<Lines>, usize)>,
    /// There is room for one piece on it.
    way: Arc<Semaphore>,
}

/// Bytes on their way.
struct Piece {
    bytes: Vec<u8>,
    _way: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Answer {
    /// The next piece; `None` at the end, or when the lines of which a part was sent are gone: an event that is not whole is none.
    async fn next(&mut self) -> Option<Bytes> {
        let way = Arc::clone(&self.way).acquire_owned().await.expect("the way is never closed");
        let bytes = match self.begun.take() {
            Some((lines, from)) => self.cut(&lines.upgrade()?, from),
            None => match timeout(KEEP_ALIVE, self.following.next()).await {
                Ok(told) => self.begin(told?),
                Err(_) => b":\n\n".to_vec(),
            },
        };
        Some(Bytes::from_owner(Piece { bytes, _way: way }))
    }

    fn begin(&mut self, told: Told) -> Vec<u8> {
        match told {
            Told::Lines { lines, count } => match lines.upgrade() {
                Some(lines) => self.cut(&lines, 0),
                None => missed(Missed { lines: count, is_least: false }),
            },
            Told::LeftOut(lines) => event("left_out", &json!({"lines": lines})),
            Told::Missed(gone) => missed(gone),
        }
    }

    /// A piece of the event from here on; the rest is for the next time.
    fn cut(&mut self, lines: &Arc<Lines>, from: usize) -> Vec<u8> {
        let rest = &lines.event().as_bytes()[from..];
        let piece = &rest[..rest.len().min(PIECE_BYTES_MAX)];
        if piece.len() < rest.len() {
            self.begun = Some((Arc::downgrade(lines), from + piece.len()));
        }
        piece.to_vec()
    }
}

fn missed(Missed { lines, is_least }: Missed) -> Vec<u8> {
    event("missed", &json!({"lines": lines, "is_least": is_least}))
}

fn event(name: &str, says: &serde_json::Value) -> Vec<u8> {
    format!("event: {name}\ndata: {says}\n\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use plugin::model::Tenant;

    use super::super::super::filter::LogFilter;
    use super::super::feeds::Feeds;
    use super::*;

    #[tokio::test]
    async fn an_answer_ends_where_the_lines_of_a_begun_event_are_gone() {
        let feeds = Feeds::default();
        let _open = feeds.open();
        let following = feeds.join(Tenant::default_tenant(), LogFilter::default()).expect("there is room");
        let begun = Some((Weak::new(), PIECE_BYTES_MAX));
        let mut answer = Answer { following, begun, way: Arc::new(Semaphore::new(1)) };

        assert!(answer.next().await.is_none(), "or what follows would be read as the rest of the event");
    }
}
