//! Texts, numbers and lengths of time, each within its limits.

use plugin::yaml::At;

use super::{ID_BYTES_MAX, Reader, TITLE_BYTES_MAX};
use crate::times::{LENGTHS, SECOND, length};

impl Reader<'_> {
    pub(super) fn id(&mut self, written: &At<String>) -> String {
        let id = written.value.clone();
        let is_id = (1..=ID_BYTES_MAX).contains(&id.len())
            && id.bytes().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-');
        if !is_id {
            let problem = format!("'{id}' cannot be an id");
            self.faults.add(written.place, problem, format!("use 1 to {ID_BYTES_MAX} of a-z, 0-9 and '-'"));
        }
        id
    }

    pub(super) fn title(&mut self, written: &At<String>) -> String {
        self.text(written, TITLE_BYTES_MAX)
    }

    pub(super) fn optional(&mut self, written: Option<&At<String>>, bytes_max: usize) -> Option<String> {
        written.map(|written| self.text(written, bytes_max))
    }

    /// A text that is not empty and not too long.
    pub(super) fn text(&mut self, written: &At<String>, bytes_max: usize) -> String {
        if written.value.trim().is_empty() {
            self.faults.add(written.place, "this is empty", "write it, or leave the member out");
        }
        self.faults.limit(written.place, "bytes", written.value.len(), bytes_max);
        written.value.clone()
    }

    pub(super) fn length(&mut self, written: &At<String>, seconds_max: i64) -> Option<String> {
        let Some(nanos) = length(&written.value) else {
            self.faults.add(written.place, format!("'{}' is no length of time", written.value), LENGTHS);
            return None;
        };
        if nanos / SECOND > seconds_max {
            let problem = format!("'{}' is longer than {} days", written.value, seconds_max / 86_400);
            self.faults.add(written.place, problem, "let it be shorter");
        }
        Some(written.value.clone())
    }

    pub(super) fn number(&mut self, written: Option<&At<u16>>, member: &str, least: u16, most: u16) -> Option<u16> {
        let written = written?;
        if !(least..=most).contains(&written.value) {
            let problem = format!("`{member}` is {}, expected {least} to {most}", written.value);
            self.faults.add(written.place, problem, "choose a number between them");
        }
        Some(written.value)
    }

    pub(super) fn limit<T>(&mut self, written: &[At<T>], what: &str, limit: usize) {
        if let Some(first) = written.get(limit) {
            self.faults.limit(first.place, what, written.len(), limit);
        }
    }
}
