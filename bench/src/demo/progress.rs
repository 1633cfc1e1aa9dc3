//! What the demo tells the one who started it: one line that grows, and each kind of trouble once.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use http::Uri;

use super::sender::{Accepted, Export};

/// Without a terminal a line is kept, so it should be rare.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Different reasons that are told; the rest is only counted.
const REASONS_MAX: usize = 20;

#[derive(Debug)]
pub(super) struct Progress {
    endpoint: Uri,
    spans: u64,
    log_records: u64,
    points: u64,
    rejected: u64,
    refused: u64,
    reachable: bool,
    told: BTreeSet<String>,
    shown_at: Option<Instant>,
    /// The line is rewritten in place.
    in_place: bool,
}

impl Progress {
    pub(super) fn new(endpoint: Uri) -> Self {
        Self {
            endpoint,
            spans: 0,
            log_records: 0,
            points: 0,
            rejected: 0,
            refused: 0,
            reachable: true,
            told: BTreeSet::new(),
            shown_at: None,
            in_place: std::io::stderr().is_terminal(),
        }
    }

    pub(super) fn sent(&mut self, export: &Export, accepted: &Accepted) {
        if !self.reachable {
            self.reachable = true;
            self.say(&format!("{} answers again", self.endpoint));
        }
        let rejected = accepted.rejected.min(export.items());
        let taken = export.items() - rejected;
        match export {
            Export::Traces(_) => self.spans += taken,
            Export::Logs(_) => self.log_records += taken,
            Export::Metrics(_) => self.points += taken,
        }
        self.rejected += rejected;
        if !accepted.message.is_empty() {
            self.say_once(&format!(
                "{rejected} of {} {} rejected: {}",
                export.items(),
                export.noun(),
                accepted.message
            ));
        }
    }

    pub(super) fn refused(&mut self, export: &Export, reason: &str) {
        self.refused += export.items();
        let advice = match reason {
            _ if reason.contains("401") || reason.contains("Unauthenticated") => {
                "; pass --api-key, or set OBSERVATORY_API_KEY"
            }
            _ if reason.contains("404") || reason.contains("Unimplemented") => {
                "; is this the OTLP port for --protocol?"
            }
            _ => "",
        };
        self.say_once(&format!("{} refused for good: {reason}{advice}", export.noun()));
    }

    /// Said once for each outage.
    pub(super) fn unreachable(&mut self, reason: &str) {
        if self.reachable {
            self.reachable = false;
            self.say(&format!(
                "cannot reach {} ({reason}); start the server or pass --endpoint; trying on",
                self.endpoint
            ));
        }
    }

    pub(super) fn postponed(&mut self, reason: &str) {
        self.say_once(&format!("the endpoint asks to come back later: {reason}"));
    }

    pub(super) fn left_out(&mut self, behind: Duration) {
        self.say(&format!("{} s of telemetry left out: the endpoint was away too long", behind.as_secs()));
    }

    pub(super) fn show(&mut self) {
        let due = self.shown_at.is_none_or(|shown_at| shown_at.elapsed() >= LINE_EVERY);
        if self.in_place {
            eprint!("\r\x1b[2K{}", self.line());
            // Progress is a courtesy: a closed stderr must not stop the demo.
            let _ = std::io::stderr().flush();
        } else if due {
            self.shown_at = Some(Instant::now());
            eprintln!("{}", self.line());
        }
    }

    pub(super) fn finish(&mut self) {
        self.say(&self.line());
    }

    fn line(&self) -> String {
        let Self { spans, log_records, points, rejected, refused, .. } = self;
        format!(
            "sent {spans} spans, {log_records} log records, {points} points; rejected {rejected}, refused {refused}"
        )
    }

    fn say_once(&mut self, text: &str) {
        if self.told.len() < REASONS_MAX && self.told.insert(text.to_owned()) {
            self.say(text);
        }
    }

    fn say(&self, text: &str) {
        let clear = if self.in_place { "\r\x1b[2K" } else { "" };
        eprintln!("{clear}{text}");
    }
}
