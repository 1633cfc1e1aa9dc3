//! One who follows: reads Server-Sent Events and notes when lines of which request came.

use std::time::Instant;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

/// How a line of ours begins, behind which its request's number stands. To read all JSON would take longer than what is measured.
const LINE: &str = "\"body\":\"request ";

/// What one who follows was told.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Lines.
    pub(super) told: u64,
    /// Lines that were left out or missed, as the server says.
    pub(super) untold: u64,
    /// Requests, and when lines of them came.
    pub(super) requests: Vec<(usize, Instant)>,
    /// A line of the stream that has not ended yet.
    unread: Vec<u8>,
    is_lines: bool,
}

/// Reads until the answer ends.
pub(super) async fn follow(mut answer: Incoming) -> Heard {
    let mut heard = Heard::default();
    while let Some(Ok(frame)) = answer.frame().await {
        if let Ok(bytes) = frame.into_data() {
            heard.read(&bytes, Instant::now());
        }
    }
    heard
}

impl Heard {
    fn read(&mut self, bytes: &[u8], now: Instant) {
        self.unread.extend_from_slice(bytes);
        let Some(end) = self.unread.iter().rposition(|byte| *byte == b'\n') else { return };
        let rest = self.unread.split_off(end + 1);
        let whole = std::mem::replace(&mut self.unread, rest);
        for line in String::from_utf8_lossy(&whole).lines() {
            self.read_line(line, now);
        }
    }

    fn read_line(&mut self, line: &str, now: Instant) {
        if let Some(event) = line.strip_prefix("event: ") {
            self.is_lines = event == "logs";
        } else if let Some(told) = line.strip_prefix("data: ") {
            match self.is_lines {
                true => self.read_lines(told, now),
                false => self.untold += untold(told),
            }
        }
    }

    fn read_lines(&mut self, told: &str, now: Instant) {
        let mut last = None;
        for rest in told.split(LINE).skip(1) {
            let number = rest.split_once(',').and_then(|(number, _)| number.parse().ok());
            self.told += 1;
            if let Some(number) = number.filter(|_| last != number) {
                self.requests.push((number, now));
            }
            last = number;
        }
    }
}

fn untold(told: &str) -> u64 {
    serde_json::from_str::<Value>(told).ok().and_then(|told| told["lines"].as_u64()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_wherever_the_stream_is_cut() {
        let stream = "event: logs\ndata: [{\"body\":\"request 7, line 0: refused\"},{\"body\":\"request 7, line 1: refused\"}]\n\n\
                      : a comment\n\nevent: left_out\ndata: {\"lines\":5}\n\nevent: logs\ndata: [{\"body\":\"request 8, line 0: refused\"}]\n\n";
        let now = Instant::now();
        for size in 1..stream.len() {
            let mut heard = Heard::default();

            stream.as_bytes().chunks(size).for_each(|bytes| heard.read(bytes, now));

            assert_eq!((heard.told, heard.untold), (3, 5), "{size}");
            assert_eq!(heard.requests, [(7, now), (8, now)], "{size}");
        }
    }
}
