//! What the hub says of itself: who came in, who did not, and what was refused.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error;

/// Names of refusals, in the order of their counters.
const REFUSALS: [&str; 6] = ["unauthenticated", "forbidden", "not_licensed", "too_often", "busy", "failed"];

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Telemetry {
    signed_in: AtomicU64,
    sign_ins_refused: AtomicU64,
    refresh_tokens_stolen: AtomicU64,
    refused: [AtomicU64; REFUSALS.len()],
}

impl Telemetry {
    pub(crate) fn signed_in(&self) {
        self.signed_in.fetch_add(1, Ordering::Relaxed);
        tracing::debug!("hub.sign_in");
    }

    pub(crate) fn sign_in_refused(&self) {
        self.sign_ins_refused.fetch_add(1, Ordering::Relaxed);
        tracing::debug!("hub.refuse_sign_in");
    }

    pub(crate) fn refresh_token_stolen(&self) {
        self.refresh_tokens_stolen.fetch_add(1, Ordering::Relaxed);
        tracing::warn!("a refresh token was used twice: the session has ended");
    }

    pub(crate) fn refused(&self, error: &Error) {
        use crate::error::Refusal;
        let reason = match error {
            Error::Refused(Refusal::Unauthenticated(_)) => "unauthenticated",
            Error::Refused(Refusal::Forbidden(_)) => "forbidden",
            Error::NotLicensed(_) => "not_licensed",
            Error::TooOften { .. } => "too_often",
            Error::Busy(_) => "busy",
            _ => "failed",
        };
        if let Some(place) = REFUSALS.iter().position(|name| *name == reason) {
            self.refused[place].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// People who came in.
    pub fn sign_ins(&self) -> u64 {
        self.signed_in.load(Ordering::Relaxed)
    }

    /// Wrong passwords, and right ones of locked accounts.
    pub fn sign_ins_refused(&self) -> u64 {
        self.sign_ins_refused.load(Ordering::Relaxed)
    }

    /// Sessions that ended because a refresh token came twice.
    pub fn refresh_tokens_stolen(&self) -> u64 {
        self.refresh_tokens_stolen.load(Ordering::Relaxed)
    }

    /// Requests that the guard refused, by reason.
    pub fn refusals(&self) -> Vec<(&'static str, u64)> {
        REFUSALS.iter().zip(&self.refused).map(|(name, count)| (*name, count.load(Ordering::Relaxed))).collect()
    }
}
